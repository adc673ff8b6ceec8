// A breaking change as teams with a lock file meet it, by each package manager: nothing of it comes by itself, it can be asked
// for, and the changelog that comes with it says what to write instead.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { npm, type Command } from '../shell'
import { lookUp } from '../registry'
import { versionsIn } from '../packages'
import { program } from './idx'
import { beside, expectSame, expectThat, type World } from './parts'
import type { Tree } from './tree'

/** The package that breaks, what goes from it, and what takes its place. No other package uses that name. */
const broken = { name: '@digitlab/random', folder: 'packages/random', old: 'fusedMultiplyAdd', now: 'fma' } as const

/** What the changelog says to those who upgrade. */
export const upgradeNote = `Breaking: \`${broken.old}\` is \`${broken.now}\` now. Rename it where you import it; no value changes.`

const deprecation = 'rehearsed as a version that is wrong: take 0.2.0'

/** Makes the change, in the source and in what was built of it. */
export const breakPackage = async ({ folder }: Tree): Promise<void> => {
  for (const place of ['src', 'dist'])
    for (const file of await readdir(join(folder, broken.folder, place))) {
      const path = join(folder, broken.folder, place, file)
      if (!/\.(ts|cts|js|cjs)$/.test(file)) continue
      await writeFile(path, (await readFile(path, 'utf8')).replaceAll(broken.old, broken.now))
    }
}

interface Manager {
  readonly lock: string
  readonly install: Command
  /** As in continuous integration: by the lock file, or not at all. */
  readonly frozen: Command
  /** What tells that there are newer versions than the ranges take. */
  readonly outdated: Command
  /** The newest of all that the ranges take. */
  readonly update: Command
  /** A range is raised. */
  readonly raise: Command
  /** Starts Node. */
  readonly node?: Command
  /** What the lock file holds of a package. */
  readonly locked: (lock: string, name: string) => readonly string[]
  /** Whether it tells of deprecated versions where it resolves them anew. */
  readonly tellsDeprecations: boolean
}

const escaped = (name: string) => name.replaceAll('/', String.raw`\/`)
const allOf = (lock: string, pattern: string) =>
  Array.from(lock.matchAll(new RegExp(pattern, 'gm')), ([, one = '']) => one)
const raised = `${broken.name}@^0.2.0`

const managers: Readonly<Record<string, Manager>> = {
  npm: {
    lock: 'package-lock.json',
    install: ['install'],
    frozen: ['ci'],
    outdated: ['outdated'],
    update: ['update'],
    raise: ['install', raised],
    locked: (lock, name) =>
      Object.entries((JSON.parse(lock) as { packages: Record<string, { version: string }> }).packages).flatMap(
        ([path, { version }]) => (path.endsWith(`node_modules/${name}`) ? [version] : []),
      ),
    tellsDeprecations: true,
  },
  'pnpm 10': {
    lock: 'pnpm-lock.yaml',
    install: ['install'],
    frozen: ['install', '--frozen-lockfile'],
    outdated: ['outdated'],
    update: ['update'],
    raise: ['add', raised],
    locked: (lock, name) => allOf(lock, `^ {2}'${escaped(name)}@([^'(]+)`),
    tellsDeprecations: true,
  },
  'Yarn 1': {
    lock: 'yarn.lock',
    install: ['install', '--non-interactive'],
    frozen: ['install', '--non-interactive', '--frozen-lockfile'],
    outdated: ['outdated'],
    update: ['upgrade', '--non-interactive'],
    raise: ['add', '--non-interactive', raised],
    locked: (lock, name) => allOf(lock, String.raw`^"${escaped(name)}@[^\n]*:\n {2}version "([^"]+)"`),
    tellsDeprecations: true,
  },
  'Yarn 4 (PnP)': {
    lock: 'yarn.lock',
    install: ['install', '--no-immutable'],
    frozen: ['install', '--immutable'],
    outdated: ['npm', 'info', broken.name, '--fields', 'name,version'], // it has no command for it
    update: ['up', '--recursive', '@digitlab/*'],
    raise: ['up', raised],
    node: ['node'],
    locked: (lock, name) => allOf(lock, `resolution: "${escaped(name)}@npm:([^"]+)"`),
    tellsDeprecations: false,
  },
}

const use = (name: string) => `import { ${name} } from '${broken.name}'\nconsole.log(${name}(2, 3, 4))\n`

const readNote = `import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
const manifest = createRequire(import.meta.url).resolve('${broken.name}/package.json')
console.log(readFileSync(manifest.replace('package.json', 'CHANGELOG.md'), 'utf8'))
`

/** What managers say of peers that are missing or do not fit. */
const peerTrouble = /ERESOLVE|(unmet|incorrect|missing) peer|YN00(02|60|86)/i

/** A team that has installed what there was. */
export interface Upgrader {
  readonly manager: string
  readonly folder: string
}

const slug = (manager: string) => manager.toLowerCase().replace(/\W+/g, '-')

const filesOf = (manager: string, files: Readonly<Record<string, string>> = {}) => ({
  ...files,
  ...(manager.startsWith('Yarn') ? { 'yarn.lock': '' } : {}), // Yarn takes such a folder for a project of its own
})

/** Installs the present versions by every manager, each in a project of its own. */
export const installBeforeUpgrade = async (world: World): Promise<readonly Upgrader[]> => {
  const range = (name: string) => [name, `^${world.versions.get(name)}`] as const
  const dependencies = Object.fromEntries([broken.name, '@digitlab/data', '@digitlab/models'].map(range))
  const ready: Upgrader[] = []
  await beside(
    world,
    Object.entries(managers).map(([manager, { install, node = [] }]) => async ({ attempt, team }) => {
      const files = { 'use.mjs': use(broken.old), 'note.mjs': readNote }
      const manifest = { type: 'module', dependencies }
      const folder = await team.project(`upgrade-${slug(manager)}`, manifest, filesOf(manager, files))
      const done = await attempt(`upgrade, ${manager}`, 'installed, with a lock file', async () => {
        const command = await team.manager(manager)
        const said = await team.ask([...command, ...install], folder, strict)
        expectThat(!peerTrouble.test(said), `it complains of peers: ${said}`)
        const program = node.length === 0 ? [process.execPath] : [...command, ...node]
        expectSame('what the program says', (await team.execute([...program, 'use.mjs'], folder)).trim(), '10')
      })
      if (done) ready.push({ manager, folder })
    }),
  )
  return ready
}

/** Peers that do not fit are errors. */
const strict = { env: { npm_config_strict_peer_deps: 'true', npm_config_strict_peer_dependencies: 'true' } }

/** After the release of the breaking change. */
export const tryUpgrade = async (world: World, upgraders: readonly Upgrader[]): Promise<void> => {
  const { attempt, tree, registry, publisher, versions } = world
  const now = versionsIn(tree.folder)
  await attempt('upgrade', 'asks for no other peers than before', async () => {
    for (const [name, version] of now) {
      const { manifests } = await lookUp(registry.url, name)
      const [before, after] = [versions.get(name) ?? '', version].map((version) => manifests[version]?.peerDependencies)
      expectSame(`the peers of ${name} ${version}`, after, before)
    }
  })
  await attempt('upgrade', 'a run and a checkpoint of 0.1.0 are read by what there is now', () =>
    readReleased(world, now),
  )
  const wrong = `${broken.name}@<0.2.0`
  await attempt('upgrade', `npm deprecate ${wrong}`, async () => {
    const flags = ['--registry', registry.url]
    await publisher.execute([...npm(), 'deprecate', wrong, deprecation, ...flags], publisher.home)
  })
  await beside(
    world,
    upgraders.map((upgrader) => (world) => tryManager(world, upgrader, now)),
  )
}

/** What packages/train keeps of a release, in a project with the newest version. @returns what was read, in words */
const readReleased = async ({ tree, team }: World, now: ReadonlyMap<string, string>): Promise<string> => {
  const kept = join(tree.folder, 'packages', 'train', 'released', '0.1.0')
  const version = now.get('@digitlab/train')
  const dependencies = { '@digitlab/train': version, '@tensorflow/tfjs-core': '4.22.0' }
  const folder = await team.project('released', { dependencies }, { 'run.mjs': await program('run.mjs') })
  await team.execute([...npm(), 'install'], folder)
  const said = JSON.parse(await team.execute([process.execPath, 'run.mjs', kept], folder)) as Released
  const { id, experiment } = JSON.parse(await readFile(join(kept, 'run.json'), 'utf8')) as Released
  expectSame('the id of the run', said.id, id)
  for (const one of [said.experiment, said.resumed]) expectSame('its experiment', one, experiment)
  return `by ${version}: ${said.arrays} arrays, the checkpoint at step ${said.step} of epoch ${said.epoch}`
}

/** What programs/run.mjs prints; a run.json has the first two. */
interface Released {
  readonly id: string
  readonly experiment: object
  readonly resumed: object
  readonly arrays: number
  readonly epoch: number
  readonly step: number
}

const tryManager = async (
  { attempt, team, versions }: World,
  { manager, folder }: Upgrader,
  now: ReadonlyMap<string, string>,
) => {
  const { lock, node = [], locked, tellsDeprecations, ...how } = managers[manager]! // made from the same table
  const command = await team.manager(manager)
  const [old, newest] = [versions.get(broken.name) ?? '', now.get(broken.name) ?? '']
  const part = `upgrade, ${manager}`
  const ask = (...args: Command) => team.ask([...command, ...args], folder, strict)
  const program = (file: string) =>
    team.ask([...(node.length === 0 ? [process.execPath] : [...command, ...node]), file], folder)
  const readLock = () => readFile(join(folder, lock), 'utf8')
  const held = async (name: string) => [...new Set(locked(await readLock(), name))].toSorted()

  await attempt(part, 'the lock file keeps what was there', async () => {
    const before = await readLock()
    await rm(join(folder, 'node_modules'), { recursive: true, force: true })
    const said = await ask(...how.frozen)
    expectSame('the lock file', await readLock(), before)
    expectSame('what it holds', await held(broken.name), [old])
    expectSame('what the program says', (await program('use.mjs')).trim(), '10')
    return said.includes(deprecation) ? 'the deprecation is told' : 'the deprecation is not told'
  })
  await attempt(part, 'says that there is a new one', async () => {
    const said = await ask(...how.outdated)
    const lines = said.split('\n').map((line) => line.replace(/[│\s]+/g, ' ').trim())
    const told = lines.filter((line) => line.includes(broken.name) || line.includes(newest))
    expectThat(said.includes(broken.name) && said.includes(newest), `it does not tell of ${newest}: ${said}`)
    return told.join(' ').replace(/ https?:\S+/, '')
  })
  await attempt(part, 'an update within the ranges breaks nothing', async () => {
    const said = await ask(...how.update)
    expectThat(!peerTrouble.test(said), `it complains of peers: ${said}`)
    const data = now.get('@digitlab/data')
    expectSame('@digitlab/data in the lock file', await held('@digitlab/data'), [data])
    expectSame(`${broken.name} in the lock file`, await held(broken.name), [old, newest])
    expectSame('what the program says', (await program('use.mjs')).trim(), '10')
    return `@digitlab/data ${data} brings ${newest} of its own`
  })
  await attempt(part, 'asked for, its note says what to write', async () => {
    const said = await ask(...how.raise)
    expectThat(!peerTrouble.test(said), `it complains of peers: ${said}`)
    expectSame(`${broken.name} in the lock file`, await held(broken.name), [newest])
    const failed = await program('use.mjs')
    expectThat(failed.includes(`'${broken.old}'`), `the program does not say what it lacks: ${failed}`)
    const [, note = ''] = (await program('note.mjs')).split(/^## /m, 2)
    const [, from = '', to = ''] = /Breaking: `(\w+)` is `(\w+)` now/.exec(note) ?? []
    expectThat(note.startsWith(newest) && from !== '', `the changelog does not begin with what breaks: ${note}`)
    const path = join(folder, 'use.mjs')
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll(from, to))
    expectSame('what the changed program says', (await program('use.mjs')).trim(), '10')
    return `${from} becomes ${to}`
  })
  const deprecated = async () => {
    const dependencies = { [broken.name]: `^${old}` }
    const late = await team.project(`late-${slug(manager)}`, { dependencies }, filesOf(manager))
    const said = await team.ask([...command, ...how.install], late)
    const told = said.split('\n').find((line) => line.includes(deprecation))
    expectThat(told !== undefined, 'it says nothing of it')
    return told
  }
  await attempt(part, 'tells of a deprecated version', deprecated, { required: tellsDeprecations })
}
