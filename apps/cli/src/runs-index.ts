// The runs in a folder as rows, from an index where that is right: reading ten thousand run.json takes a while, looking at their times does not.
import { existsSync, readdirSync, readFileSync, statSync, type Stats } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { runRow, type RunLike, type RunRow } from '@digitlab/sweep'
import { writeAtomic } from './atomic-file'
import { warn } from './output'
import { isFolder } from './run-folder'
import { UsageError } from './usage-error'

/** Curves of a run: by the name of a figure, a value an epoch. */
type Curves = Readonly<Record<string, readonly (number | null)[]>>

/** A run in an index. */
interface IndexedRun {
  readonly row: RunRow
  readonly curves: Curves
}

/** The index, in the folder that was named; any other file may be lost with it, and it is written again. */
const indexFile = '.digitlab-runs.json'

/** Another one is written anew. */
const indexVersion = 1

interface Entry extends IndexedRun {
  readonly modified: number
  readonly bytes: number
}

/** More epochs than this are thinned. */
const mostPoints = 200

/** How deep folders of runs are looked for. */
const mostLevels = 4

/**
 * The runs in a folder, or the run that it is. Of what the index holds only times and sizes are looked at; what is new or changed is read,
 * and the index written again, where that can be.
 *
 * @throws UsageError if there is no such folder, or no run in it
 */
export const indexedRuns = async (folder: string): Promise<readonly IndexedRun[]> => {
  if (!existsSync(folder) || !(await isFolder(folder)))
    throw new UsageError(`there is no folder ${folder}: name one with runs in it`)
  const known = readIndex(folder)
  const entries: [string, Entry][] = []
  let changed = false
  const unreadable: string[] = []
  for (const [name, stats] of runFilesIn(folder)) {
    const there = known.get(name)
    if (there && there.modified === stats.mtimeMs && there.bytes === stats.size) {
      entries.push([name, there])
      continue
    }
    changed = true
    const entry = readEntry(folder, name, stats)
    if (entry) entries.push([name, entry])
    else unreadable.push(name)
  }
  if (unreadable.length > 0)
    warn(
      `left out, as no run can be read from ${unreadable.length === 1 ? 'it' : 'them'}: ${unreadable.slice(0, 5).join(', ')}${unreadable.length > 5 ? ` and ${unreadable.length - 5} more` : ''}`,
    )
  if (entries.length === 0)
    throw new UsageError(`${folder} holds no run: give a folder that "digitlab train", "compare" or "sweep" wrote`)
  if (changed || known.size !== entries.length) await writeIndex(folder, entries)
  return entries.map(([name, { row, curves }]) => ({ row: { ...row, folder: join(folder, name) }, curves }))
}

const readIndex = (folder: string): Map<string, Entry> => {
  try {
    const index = JSON.parse(readFileSync(join(folder, indexFile), 'utf8')) as {
      version?: number
      runs?: [string, Entry][]
    } | null
    if (index?.version === indexVersion && Array.isArray(index.runs)) return new Map(index.runs)
  } catch {
    // none, or damaged: it is written anew
  }
  return new Map()
}

const writeIndex = async (folder: string, runs: readonly [string, Entry][]): Promise<void> => {
  const text = `{"version":${indexVersion},"runs":[\n${runs.map((entry) => JSON.stringify(entry)).join(',\n')}\n]}\n`
  await writeAtomic(join(folder, indexFile), text).catch(() => {}) // where nothing can be written the next look takes as long
}

/** The folders of runs from a folder on, '' being itself, each with what the disk says of its run.json. */
const runFilesIn = (folder: string): [string, Stats][] => {
  const found: [string, Stats][] = []
  const look = (name: string, level: number) => {
    const stats = statSync(join(folder, name, 'run.json'), { throwIfNoEntry: false })
    if (stats?.isFile()) {
      found.push([name, stats])
      return
    }
    if (level === mostLevels) return
    for (const inside of readdirSync(join(folder, name), { withFileTypes: true }))
      if (inside.isDirectory() && !inside.name.startsWith('.') && inside.name !== 'checkpoint')
        look(join(name, inside.name), level + 1)
  }
  look('', 0)
  return found
}

const readEntry = (folder: string, name: string, { mtimeMs, size }: Stats): Entry | undefined => {
  try {
    const text = withoutStepLosses(readFileSync(join(folder, name, 'run.json'), 'utf8'))
    const run = JSON.parse(text) as RunLike & { format?: unknown }
    if (run.format !== 'digitlab-run') return undefined
    return { row: { ...runRow('', run), folder: '' }, curves: curvesOf(run), modified: mtimeMs, bytes: size }
  } catch {
    return undefined
  }
}

/** The loss of every step is most of a run's text, and no row shows it: parsing it was most of the time that a first look took. */
const withoutStepLosses = (text: string): string => {
  const list = '"stepLosses": ['
  const start = text.indexOf(list)
  const end = text.indexOf(']', start)
  return start < 0 || end < 0 ? text : text.slice(0, start + list.length) + text.slice(end)
}

const curvesOf = ({ history: { epochs } }: RunLike): Curves => {
  const step = Math.ceil(epochs.length / mostPoints)
  const kept = epochs.filter((_, n) => (n + 1) % step === 0 || n === epochs.length - 1) as Record<string, unknown>[]
  const names = Object.keys(epochs[0] ?? {}).filter((name) => /(Loss|Accuracy)$/.test(name) || name === 'epoch')
  return Object.fromEntries(
    names.map((name) => [
      name,
      kept.map((record) => (typeof record[name] === 'number' ? Number(record[name].toPrecision(6)) : null)),
    ]),
  )
}

/** Whether one of two folders is in the other one: its runs would be named twice. */
export const within = (a: string, b: string): boolean => {
  const path = relative(resolve(a), resolve(b))
  return path === '' || (!path.startsWith(`..${sep}`) && path !== '..')
}
