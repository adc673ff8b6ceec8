// A clone of this tree, as it stands, in which releases are made: the checkout stays as it is.
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { git } from '../git'
import { readManifest, type Manifest } from '../../packages/published'
import { publishedPackages, withNeeded, type Package } from '../packages'
import { attempt, continueUnlessOver } from '../shell'

/** Folders of the workspace's packages, which have a node_modules each. */
const rooms = ['packages', 'apps', 'tooling']

const copyWhere = async (from: string, to: string) => {
  if (existsSync(from)) await cp(from, to, { recursive: true, verbatimSymlinks: true })
}

/** Takes packages out of what changesets knows: what waits for them, and the patterns that meet no other. */
const forget = async (tree: string, files: readonly string[], left: readonly Package[], out: readonly Package[]) => {
  if (out.length === 0) return
  for (const file of files.filter((file) => /^\.changeset\/.*\.md$/.test(file))) {
    const text = await readFile(join(tree, file), 'utf8')
    if (out.some(({ name }) => text.includes(`'${name}': `))) await rm(join(tree, file))
  }
  const path = join(tree, '.changeset', 'config.json')
  const config = JSON.parse(await readFile(path, 'utf8')) as { linked: readonly (readonly string[])[] }
  const meets = (pattern: string) => left.some(({ name }) => matchesGlob(name, pattern))
  const linked = config.linked.map((group) => group.filter(meets)).filter((group) => group.length > 0)
  await writeFile(path, JSON.stringify({ ...config, linked }))
}

/** A name, or the beginning of names with a star. */
const matchesGlob = (name: string, pattern: string) =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern

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
 * @param names of packages that are published, with what they depend on; all unless given
 */
export const cloneTree = async (
  from: string,
  to: string,
  env: NodeJS.ProcessEnv,
  names?: readonly string[],
): Promise<Tree> => {
  await mkdir(to, { recursive: true })
  const all = publishedPackages(from)
  const needed = withNeeded(all, names ?? all.map(({ name }) => name))
  const [left, out] = [all.filter(({ name }) => needed.has(name)), all.filter(({ name }) => !needed.has(name))]
  const known = (await git(from, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')).split('\0')
  const isOut = (file: string) => out.some(({ folder }) => file.startsWith(`${folder}/`))
  const files = known.filter((file) => file !== '' && !isOut(file) && existsSync(join(from, file)))
  for (const file of files) {
    continueUnlessOver()
    await mkdir(dirname(join(to, file)), { recursive: true })
    await cp(join(from, file), join(to, file), { verbatimSymlinks: true })
  }
  await forget(to, files, left, out)
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
