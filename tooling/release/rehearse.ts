// `npm run release:rehearse`: publishes everything to a registry on this machine by the release script, then takes it as other
// teams do, from that registry alone, and prints what was tried. Nothing of it stays.
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { flagsOrExit } from './flags-or-exit'
import { askGit, changedFiles, git } from './git'
import { versionsIn } from './packages'
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
import { publisherNames, rehearsalFlags, rehearsalUsage, takerNames, type RehearsalFlags } from './rehearse-flags'
import { ReleaseError } from './release-error'
import { endForGood, endPrograms } from './shell'

type Parts<Name extends string> = Readonly<Record<Name, (world: World) => Promise<unknown>>>

const takers: Parts<(typeof takerNames)[number]> = {
  idx: tryIdx,
  'backend-wasm': tryConvolution,
  cli: tryCommand,
  vite: tryPage,
  runtimes: tryRuntimes,
  jsr: tryJsr,
  sizes: trySizes,
}
const publishers: Parts<(typeof publisherNames)[number]> = { snapshot: publishSnapshot, update: tryUpdate }

/** Everything together takes longer only where something hangs. */
const mostMinutes = 40
/** How long what was interrupted may take to notice. */
const secondsToSettle = 20
const root = fileURLToPath(new URL('../..', import.meta.url))
const say = (sentence: string) => console.error(`rehearse: ${sentence}`)

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
const rehearse = async (
  { only, quick, names, uplink, folder }: RehearsalFlags & { readonly uplink: string; readonly folder: string },
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
  const asked = <Name extends string>(names: readonly Name[], some: Parts<Name>) =>
    names.filter((name) => only.includes(name)).map((name) => some[name])
  await beside(world, asked(takerNames, takers))
  for (const part of asked(publisherNames, publishers)) await part(world)
  return notes.results()
}

const main = async (flags: RehearsalFlags) => {
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

const flags = flagsOrExit(rehearsalFlags)
if (flags.help) {
  console.log(rehearsalUsage)
  process.exit(0)
}
try {
  await main(flags)
} catch (error) {
  if (!(error instanceof ReleaseError)) throw error
  say(error.message)
  process.exitCode = 1
}
