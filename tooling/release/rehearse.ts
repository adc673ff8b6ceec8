// `npm run release:rehearse`: publishes everything to a registry on this machine by the release script, then takes it as other
// teams do, from that registry alone, and prints what was tried. Nothing of it stays.
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { askGit, changedFiles, git } from './git'
import { publishedPackages, versionsIn, withNeeded } from './packages'
import { configuredRegistry, lookUp } from './registry'
import { tryCommand } from './rehearsal/command'
import { tryConvolution } from './rehearsal/convolution'
import { openGate } from './rehearsal/gate'
import { tryIdx } from './rehearsal/idx'
import { startRegistry } from './rehearsal/local-registry'
import { setUpOutside } from './rehearsal/outside'
import { tryPage } from './rehearsal/page'
import { tryJsr } from './rehearsal/jsr'
import { beside, keepNotes, type Rehearsal, type World } from './rehearsal/parts'
import { publishAll, publishSnapshot } from './rehearsal/publishing'
import { publishSupport } from './rehearsal/publish-support'
import { installRuntimes, tryRuntimes } from './rehearsal/runtimes'
import { trySizes } from './rehearsal/sizes'
import { holds, toText } from './rehearsal/table'
import { cloneTree } from './rehearsal/tree'
import { tryUpdate } from './rehearsal/update'
import { ReleaseError } from './release-error'
import { endForGood, endPrograms } from './shell'

type Parts = Readonly<Record<string, (world: World) => Promise<unknown>>>

/** What takes what was published, each beside the others. */
const takers: Parts = {
  idx: tryIdx,
  'backend-wasm': tryConvolution,
  cli: tryCommand,
  vite: tryPage,
  runtimes: tryRuntimes,
  jsr: tryJsr,
  sizes: trySizes,
}
/** What publishes again, one after the other. */
const publishers: Parts = { snapshot: publishSnapshot, update: tryUpdate }
/** What can be asked for by --only; everything is published before. */
const parts: Parts = { ...takers, ...publishers }

/** What the registry refuses once, and what is updated. */
const short = '@digitlab/data'

const usage = `npm run release:rehearse -- [options]

  --only <list>   of ${Object.keys(parts).join(',')}; all unless given
  --quick         without a build, of ${short} and what it depends on, and only the short half of idx and update,
                  which are all unless --only is given
  --packages <l>  publish these and what they depend on: ${short} among them, by their names, or all
  --json <file>   write there what was tried
  --publish       put the result into docs/where-it-runs.md and tooling/release/results as well`

/** Everything together takes longer only where something hangs. */
const mostMinutes = 40
/** How long what was interrupted may take to notice. */
const secondsToSettle = 20
const root = fileURLToPath(new URL('../..', import.meta.url))
const say = (sentence: string) => console.error(`rehearse: ${sentence}`)

const parse = () => {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        quick: { type: 'boolean', default: false },
        packages: { type: 'string' },
        json: { type: 'string' },
        publish: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    const only = (values.only ?? (values.quick ? 'idx,update' : Object.keys(parts).join(','))).split(',')
    const unknown = only.find((name) => !(name in parts))
    if (unknown !== undefined) throw new Error(`--only names ${unknown}: choose from ${Object.keys(parts).join(', ')}`)
    const packages = values.packages ?? (values.quick ? short : 'all')
    const names = packages === 'all' ? undefined : packages.split(',')
    if (names && !withNeeded(publishedPackages(root), names).has(short))
      throw new Error(`--packages ${packages} leaves out ${short}, which the registry is to refuse`)
    if (values.publish && (values.quick || (values.only ?? names) !== undefined))
      throw new Error('--publish tells of everything: leave out --only, --quick and --packages')
    return { ...values, only, names }
  } catch (error) {
    console.error(`${(error as Error).message} (--help lists what there is)`)
    process.exit(2)
  }
}

/** Whether the registry is there; REQUIRE_REGISTRY=1 makes it an error that it is not. */
const reachable = async (uplink: string) => {
  try {
    await lookUp(uplink, '@tensorflow/tfjs-core')
    return true
  } catch (error) {
    if (process.env['REQUIRE_REGISTRY'] === '1') throw error
    say(`skipped, the registry that npm is configured for is needed for what others bring: ${(error as Error).message}`)
    return false
  }
}

const describe = async () => ({
  format: 'digitlab-rehearsal',
  version: 1,
  date: new Date().toISOString().slice(0, 10),
  commit: `${await git(root, 'rev-parse', '--short', 'HEAD')}${(await changedFiles(root)).length > 0 ? ' and changes' : ''}`,
  machine: { platform: `${process.platform} ${process.arch}`, node: process.versions.node },
})

/** Publishes, then tries the parts. @returns the results */
type Flags = ReturnType<typeof parse>

const rehearse = async (
  { only, quick, names, uplink, folder }: Flags & { readonly uplink: string; readonly folder: string },
  cleanUp: (() => Promise<void>)[],
) => {
  const store = join(folder, 'registry')
  await mkdir(store)
  const registry = await startRegistry({ folder: store, uplink })
  cleanUp.push(() => registry.stop())
  const gate = await openGate(registry.url)
  cleanUp.push(() => gate.close())
  const publisher = await setUpOutside(join(folder, 'publisher'), registry, [gate.url])
  say('copying the tree ...')
  const tree = await cloneTree(root, join(folder, 'tree'), publisher.env, names)
  const notes = keepNotes(say)
  const team = await setUpOutside(join(folder, 'team'), { url: registry.url })
  const shared: World['shared'] = { runtimes: new Map() }
  // What needs no package of ours is installed while these are built.
  if (!quick && only.some((name) => ['idx', 'update'].includes(name)))
    void Promise.allSettled([team.manager('pnpm 10')])
  if (!quick && only.includes('runtimes')) void Promise.allSettled(installRuntimes({ team, shared }))
  if (!(await publishAll({ ...notes, tree, registry, quick }, gate))) return notes.results()
  const versions = versionsIn(tree.folder)
  const world: World = { ...notes, tree, registry, publisher, team, versions, quick, shared }
  const asked = (some: Parts) => Object.keys(some).flatMap((name) => (only.includes(name) ? [some[name]!] : [])) // by its key
  await beside(world, asked(takers))
  for (const part of asked(publishers)) await part(world)
  return notes.results()
}

const main = async (flags: Flags) => {
  if ((await askGit(root, 'rev-parse', '--git-dir')) === undefined)
    throw new ReleaseError('a rehearsal publishes what git knows of this folder, which is no repository: clone it')
  const start = performance.now()
  const uplink = await configuredRegistry(root)
  if (!(await reachable(uplink))) return
  const described = await describe()
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'digitlab-rehearsal-')))
  const cleanUp = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })]
  let tidied: Promise<void> | undefined
  /** Once, however many ask for it. */
  const tidy = () =>
    (tidied ??= (async () => {
      for (let next = cleanUp.pop(); next; next = cleanUp.pop()) await next()
    })())
  const work = rehearse({ ...flags, uplink, folder }, cleanUp)
  let givenUp = false
  const giveUp = async (why: string, status: number) => {
    givenUp = true
    say(`${why}, cleaning up ...`)
    endForGood()
    await Promise.race([work.catch(() => undefined), sleep(secondsToSettle * 1000)]) // nothing is written after this
    await tidy()
    process.exit(status)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void giveUp('interrupted', 130))
  setTimeout(() => void giveUp(`not done after ${mostMinutes} minutes`, 1), mostMinutes * 60_000).unref()
  try {
    const results = await work
    if (givenUp) return
    const seconds = Math.round((performance.now() - start) / 1000)
    const rehearsal: Rehearsal = { ...described, results, seconds }
    console.log(toText(rehearsal))
    if (flags.json !== undefined) await writeFile(resolve(flags.json), `${JSON.stringify(rehearsal, null, 1)}\n`)
    if (flags.publish) await publishSupport(rehearsal, root)
    if (!holds(rehearsal)) process.exitCode = 1
  } finally {
    endPrograms()
    await tidy()
  }
}

const flags = parse()
if (flags.help) {
  console.log(usage)
  process.exit(0)
}
try {
  await main(flags)
} catch (error) {
  if (!(error instanceof ReleaseError)) throw error
  say(error.message)
  process.exitCode = 1
}
