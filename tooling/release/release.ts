// `npm run release`: versions, builds, checks and publishes what the changesets ask for, in the order of dependencies. What has
// been done is not done again, so that the same command finishes a release that broke off.
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { flagsOrExit } from './flags-or-exit'
import { askGit, changedFiles, currentBranch, git, requireCleanTree } from './git'
import { changesOf, notesOf, type Told } from './notes'
import { nameAndVersion, publishedPackages, versionsIn, type Package } from './packages'
import { configuredRegistry, lookUp, publishTarball, requireLogin } from './registry'
import { ReleaseError } from './release-error'
import { releaseFlags, releaseUsage, type ReleaseFlags as Flags } from './release-flags'
import { endPrograms, npm, run } from './shell'
import { packForRelease } from './tarballs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const baseBranch = 'main'
const say = (sentence: string) => console.error(`release: ${sentence}`)

let interrupted = false
/** @throws ReleaseError after Ctrl-C, which may have come while no program was running */
const continueUnlessInterrupted = () => {
  if (interrupted) throw new ReleaseError('interrupted')
}

/** A program of the workspace's own. */
const bin = (name: string, path: string) => [
  process.execPath,
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), path),
]
const changeset = bin('@changesets/cli', 'bin.js')
const turbo = bin('turbo', 'bin/turbo')

/** The changesets that wait for a release. */
const pendingChangesets = async () =>
  (await readdir(join(root, '.changeset'))).filter((name) => name.endsWith('.md') && name !== 'README.md')

/** Has changesets write versions and changelogs. @returns the packages with another version than before */
const writeVersions = async (...flags: string[]) => {
  const before = versionsIn(root)
  await run([...changeset, 'version', ...flags], { cwd: root, seconds: 120 })
  return publishedPackages(root).filter(({ name, version }) => before.get(name) !== version)
}

/** Takes back what was written into a tree that was clean. */
const restore = async () => {
  const written = await changedFiles(root)
  if (written.length === 0) return
  const known = new Set((await git(root, 'ls-tree', '-r', '-z', '--name-only', 'HEAD', '--', ...written)).split('\0'))
  const [old, made] = [written.filter((file) => known.has(file)), written.filter((file) => !known.has(file))]
  await Promise.all(made.map((file) => rm(join(root, file), { force: true })))
  if (old.length > 0) await git(root, 'checkout', '--quiet', 'HEAD', '--', ...old)
}

/** Writes versions and changelogs and commits them, both or neither. */
const commitVersions = async () => {
  try {
    const changed = await writeVersions()
    await git(root, 'add', '--all')
    const title = `Release ${changed.length} ${changed.length === 1 ? 'package' : 'packages'}`
    await git(root, 'commit', '--quiet', '--message', title, '--message', changed.map(nameAndVersion).join('\n'))
    say(`committed the versions and changelogs of ${changed.length} packages`)
  } catch (error) {
    await git(root, 'reset', '--quiet')
    await restore()
    throw error
  }
}

/**
 * Does something with versions that do not stay: the tree, which has to be clean, is afterwards what it was.
 *
 * @param work gets the packages with another version
 */
const withPassingVersions = async (flags: readonly string[], work: (changed: Package[]) => Promise<void>) => {
  try {
    await work(await writeVersions(...flags))
  } finally {
    await restore()
  }
}

const buildAndCheck = async ({ build, test, dry }: Flags) => {
  continueUnlessInterrupted()
  if (build) {
    say('building ...')
    const quiet = ['--output-logs=errors-only', '--log-prefix=task', '--no-update-notifier']
    const path = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter) // turbo looks for pnpm there
    const env = { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }
    await run([...turbo, 'run', 'build', ...quiet], { cwd: root, env, seconds: 1200, show: true })
  } else say('dist is taken as it is (--no-build)')
  if (test && !dry) {
    say('testing ...')
    await run([...npm(), 'test'], { cwd: root, seconds: 3600, show: true })
  } else say(`"npm test" is left out (${test ? '--dry-run' : '--no-test'})`)
}

const withChangelog = async (one: Package): Promise<Told> => ({
  ...one,
  changelog: await readFile(join(root, one.folder, 'CHANGELOG.md'), 'utf8'),
})

/**
 * Publishes what the registry does not have yet.
 *
 * @param packages what shall be there, each after what it depends on
 * @returns what was published
 */
const publishMissing = async (packages: readonly Package[], registry: string, folder: string, { tag, dry }: Flags) => {
  const missing: Package[] = []
  for (const one of packages) if (!(await lookUp(registry, one.name)).versions.includes(one.version)) missing.push(one)
  if (missing.length < packages.length)
    say(`${packages.length - missing.length} of ${packages.length} packages are on the registry already`)
  const packed = await packForRelease(root, missing, folder, versionsIn(root))
  if (missing.length > 0) say(`packed and looked at ${packed.size} tarballs`)
  for (const [i, one] of missing.entries()) {
    continueUnlessInterrupted()
    const { file, tarball } = packed.get(one.name)! // it has a tarball of each, or throws
    if (dry) {
      say(`would publish ${nameAndVersion(one)} under the tag ${tag}, ${(tarball.length / 1000).toFixed(1)} kB packed`)
      const text = changesOf(await withChangelog(one))
      console.error(`${text === '' ? 'Newer dependencies alone.' : text}\n`.replace(/^(?=.)/gm, '  '))
      continue
    }
    try {
      await publishTarball(root, registry, file, { tag, env: process.env })
    } catch (error) {
      throw new ReleaseError(
        `publishing ${nameAndVersion(one)} failed, and ${missing.length - i - 1} wait behind it: run the same command again, it goes on from here; ${(error as Error).message}`,
        { cause: error },
      )
    }
    say(`published ${nameAndVersion(one)} (${i + 1} of ${missing.length})`)
  }
  return missing
}

/** Tags what has no tag yet, in this clone. @returns the packages that got one: those of this release, however often it broke off */
const tagVersions = async (packages: readonly Package[]) => {
  const before = new Set((await git(root, 'tag')).split('\n'))
  await run([...changeset, 'tag'], { cwd: root, seconds: 120 })
  return packages.filter((one) => !before.has(nameAndVersion(one)))
}

/** Pushes the tags, and the branch where its commits are not there yet: others may have gone on from it meanwhile. */
const push = async (packages: readonly Package[]) => {
  const refs = packages.map((one) => `refs/tags/${nameAndVersion(one)}`)
  if ((await askGit(root, 'merge-base', '--is-ancestor', 'HEAD', `origin/${baseBranch}`)) === undefined)
    refs.unshift(baseBranch)
  await git(root, 'push', '--quiet', '--atomic', 'origin', ...refs)
}

const writeNotes = async (folder: string, packages: readonly Package[]) => {
  const { tag, notes } = notesOf(await Promise.all(packages.map(withChangelog)))
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'tag'), tag)
  await writeFile(join(folder, 'notes.md'), notes)
}

/** @throws ReleaseError on another branch than the one that is released */
const requireBaseBranch = async () => {
  const branch = await currentBranch(root)
  if (branch !== baseBranch)
    throw new ReleaseError(
      `releases are made from the branch ${baseBranch}, this is ${branch ?? 'no branch'}: check out ${baseBranch}, or publish a snapshot ("npm run release:snapshot")`,
    )
}

const release = async (flags: Flags, registry: string, folder: string) => {
  if ((await pendingChangesets()).length > 0) await commitVersions()
  await buildAndCheck(flags)
  const packages = publishedPackages(root)
  const published = await publishMissing(packages, registry, folder, flags)
  const tagged = await tagVersions(packages)
  if (flags.push) await push(packages)
  if (flags.notes !== undefined && tagged.length > 0) await writeNotes(flags.notes, tagged)
  say(published.length === 0 ? 'there was nothing to publish' : `${published.length} packages published`)
  if (tagged.length > 0 && !flags.push) say('now "git push --follow-tags"')
}

/** What comes of a release, without anything that stays. */
const tryRelease = (flags: Flags, registry: string, folder: string) =>
  withPassingVersions([], async () => {
    await buildAndCheck(flags)
    const missing = await publishMissing(publishedPackages(root), registry, folder, flags)
    say(`${missing.length} packages would be published; nothing was changed (--dry-run)`)
  })

const releaseSnapshot = async (flags: Flags, registry: string, folder: string) => {
  if ((await pendingChangesets()).length === 0)
    throw new ReleaseError(
      'no changesets are pending, so a snapshot would be the last release again: add one with "npx changeset"',
    )
  await withPassingVersions(['--snapshot', flags.tag], async (changed) => {
    await buildAndCheck(flags)
    const published = await publishMissing(changed, registry, folder, flags)
    if (flags.dry) say(`${published.length} packages would be published; nothing was changed (--dry-run)`)
    else say(`${published.length} packages published: "npm install digitlab@${flags.tag}" has them`)
  })
}

const main = async (flags: Flags) => {
  if ((await askGit(root, 'rev-parse', '--git-dir')) === undefined)
    throw new ReleaseError('a release is made from a git repository, which has its history and its tags: clone it')
  await requireCleanTree(root)
  if (flags.versionsOnly) return void (await writeVersions())
  if (!flags.dry && !flags.snapshot) await requireBaseBranch()
  const registry = flags.registry ?? (await configuredRegistry(root))
  if (!flags.dry) await requireLogin(root, registry, process.env)
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-release-'))
  try {
    await (flags.snapshot ? releaseSnapshot : flags.dry ? tryRelease : release)(flags, registry, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const flags = flagsOrExit(releaseFlags)
if (flags.help) {
  console.log(releaseUsage)
  process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    interrupted = true
    endPrograms() // what waits for them fails, and cleans up
  })
try {
  await main(flags)
} catch (error) {
  if (!(error instanceof ReleaseError) && !interrupted) throw error
  say(interrupted ? 'interrupted: run the same command again, it goes on from here' : (error as Error).message)
  process.exitCode = interrupted ? 130 : 1
}
