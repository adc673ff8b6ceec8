// A clone of this tree, as it stands, in which releases are made: the checkout stays as it is.
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { git } from '../git'
import { readManifest, type Manifest } from '../../packages/published'
import { attempt, continueUnlessOver } from '../shell'

/** Folders of the workspace's packages, which have a node_modules each. */
const rooms = ['packages', 'apps', 'tooling']

const copyWhere = async (from: string, to: string) => {
  if (existsSync(from)) await cp(from, to, { recursive: true, verbatimSymlinks: true })
}

/** What the release script said, and how it ended. */
export interface Said {
  readonly status: number
  readonly said: string
}

/** A clone. */
export interface Tree {
  readonly folder: string
  commit(message: string): Promise<void>
  git(...args: string[]): Promise<string>
  manifest(folder: string): Manifest
  /** Runs the clone's own release script, which may fail. */
  release(...flags: string[]): Promise<Said>
}

/**
 * Copies what git knows of a tree, or would take, into a repository of its own with one commit on main, and a place to push to
 * beside it. What is installed is shared with the checkout; what is built is copied.
 *
 * @param from the checkout
 * @param to the folder to make
 * @param env what its release script finds
 */
export const cloneTree = async (from: string, to: string, env: NodeJS.ProcessEnv): Promise<Tree> => {
  await mkdir(to, { recursive: true })
  const files = (await git(from, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')).split('\0')
  for (const file of files.filter((file) => file !== '' && existsSync(join(from, file)))) {
    continueUnlessOver()
    await mkdir(dirname(join(to, file)), { recursive: true })
    await cp(join(from, file), join(to, file), { verbatimSymlinks: true })
  }
  await symlink(join(from, 'node_modules'), join(to, 'node_modules'), 'junction')
  for (const room of rooms)
    for (const name of readdirSync(join(to, room)))
      for (const made of ['node_modules', 'dist', 'page', 'fonts', 'wasm', 'ptx', 'src/generated'])
        if (existsSync(join(to, room, name))) await copyWhere(join(from, room, name, made), join(to, room, name, made))
  await git(to, 'init', '--quiet', '--initial-branch', 'main')
  const settings = { 'user.name': 'Rehearsal', 'user.email': 'rehearsal@localhost', 'commit.gpgSign': 'false' }
  for (const [key, value] of Object.entries(settings)) await git(to, 'config', key, value)
  await writeFile(join(to, '.git', 'info', 'exclude'), 'node_modules\n') // a link is no folder to .gitignore
  const commit = async (message: string) => {
    await git(to, 'add', '--all')
    await git(to, 'commit', '--quiet', '--message', message)
  }
  await commit('The tree as it stands')
  const origin = `${to}.git`
  await git(dirname(to), 'clone', '--quiet', '--bare', to, origin)
  await git(to, 'remote', 'add', 'origin', origin)
  await git(to, 'fetch', '--quiet', 'origin')
  const script = [process.execPath, '--import', 'tsx', join(to, 'tooling', 'release', 'release.ts')]
  return {
    folder: to,
    commit,
    release: async (...flags) => {
      const { status, stderr } = await attempt([...script, ...flags], { cwd: to, env, seconds: 1200 })
      return { status, said: stderr }
    },
    manifest: (folder) => readManifest(join(to, folder)),
    git: (...args) => git(to, ...args),
  }
}
