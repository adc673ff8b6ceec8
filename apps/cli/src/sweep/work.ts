// What every engine runs: a worker that takes the runs of a sweep one after the other, until nothing is free.
import { resolve } from 'node:path'
import type { Backend } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import type { Checkpoint, Progress } from '@digitlab/train'
import { isMendable } from '@digitlab/train/experiment'
import { readResumable, removeCheckpoint, saveCheckpoint } from '../checkpoint-folder'
import { isAddress, isNamedDataset } from '../dataset-place'
import { eventsLog } from '../events-log'
import { LockLost } from '../folder-lock'
import { imageWorkersAmong } from '../image-workers'
import { choose, load } from '../load'
import type { ClaimedFolder } from '../new-folder'
import { warn } from '../output'
import { writeRun } from '../run-folder'
import { UsageError } from '../usage-error'
import { drain, type DrainOptions } from './drain'
import { recordFailure } from './run-state'
import type { Sweep, SweepRun } from './sweep-folder'

/** What a worker tells while it works. */
export type WorkEvent =
  | { readonly type: 'claimed'; readonly run: string }
  | { readonly type: 'progress'; readonly run: string; readonly progress: Progress }
  | { readonly type: 'done'; readonly run: string; readonly testAccuracy: number; readonly seconds: number }
  | { readonly type: 'failed'; readonly run: string; readonly sentence: string }
  /** Another machine has taken the run over. */
  | { readonly type: 'lost'; readonly run: string }

interface WorkOptions {
  /** Where among the runs it begins to look, so that workers that start together meet seldom. */
  readonly index?: number
  readonly device?: number
  readonly signal: AbortSignal
  readonly onEvent?: (event: WorkEvent) => void
}

/** What a worker computes with, found out once it has something to compute. */
interface Bench {
  readonly backend: Backend
  readonly data: (name: string) => Promise<Dataset>
}

/**
 * Works at a sweep: takes a run that is free, trains it, writes it whole, takes the next, until nothing is free.
 *
 * @returns how many runs it made whole, and how many tries of it failed
 * @throws the signal's reason where it is stopped; the run at hand has a checkpoint then
 */
export const work = (folder: string, sweep: Sweep, options: WorkOptions): Promise<{ done: number; failed: number }> => {
  const bench = benchOf(sweep, options)
  const carryOut: DrainOptions['carryOut'] = (claimed, run, signal) =>
    trainClaimed(claimed, run, sweep, { ...options, signal }, bench)
  return drain(folder, sweep, { index: options.index ?? 0, signal: options.signal, carryOut })
}

const benchOf = ({ conditions, from }: Sweep, { device, signal }: WorkOptions) => {
  const datasets = new Map<string, Promise<Dataset>>()
  let bench: Promise<Bench> | undefined
  const data = (name: string): Promise<Dataset> => {
    const place = isNamedDataset(name) || isAddress(name) ? name : resolve(from, name)
    // A plan may name several folders: --data-dir has the files of what has a name.
    const folder = isNamedDataset(name) ? conditions.dataDir : undefined
    const found = datasets.get(place) ?? load(place, folder, { signal })
    datasets.set(place, found)
    return found
  }
  const { backend, tf32 } = conditions
  const gpu = { ...(device === undefined ? {} : { device }), ...(tf32 === undefined ? {} : { tf32 }) }
  return (): Promise<Bench> => (bench ??= choose(backend, gpu).then((chosen) => ({ backend: chosen, data })))
}

/** Trains a run from where it stands, and writes it whole. @returns as {@link DrainOptions.carryOut}; a failure is written down */
const trainClaimed = async (
  claimed: ClaimedFolder,
  { name, experiment }: SweepRun,
  { conditions }: Sweep,
  { signal, onEvent = () => {} }: WorkOptions,
  bench: () => Promise<Bench>,
): Promise<boolean | 'lost'> => {
  const events = eventsLog(claimed.path)
  const began = performance.now()
  onEvent({ type: 'claimed', run: name })
  let prepared = false
  try {
    const { runExperiment } = await import('@digitlab/train')
    const { backend, data: dataOf } = await bench()
    const data = await dataOf(experiment.dataset)
    prepared = true
    const checkpoint = await checkpointOf(claimed.path, backend)
    const result = await runExperiment(experiment, {
      ...{ data, backend, workers: conditions.threads, imageWorkers: imageWorkersAmong(conditions.threads), signal },
      onProgress: events.following((progress) => onEvent({ type: 'progress', run: name, progress })),
      checkpoint: {
        every: conditions.checkpointEvery,
        save: async (checkpoint) => {
          if (checkpoint.stepLosses.length === 0) return // to begin anew is the same
          await claimed.check() // of a run that is another machine's nothing is to be kept
          await saveCheckpoint(claimed, checkpoint)
          events.checkpoint(checkpoint.stepLosses.length)
        },
      },
      ...(checkpoint ? { resume: checkpoint } : {}),
    })
    if (result.run.status === 'interrupted') {
      await events.end(result.run)
      signal.throwIfAborted()
    }
    await claimed.check()
    await writeRun(claimed, result, data.test.labels)
    await events.end(result.run)
    await removeCheckpoint(claimed.path)
    onEvent({
      type: 'done',
      run: name,
      testAccuracy: result.run.metrics.accuracy,
      seconds: (performance.now() - began) / 1000,
    })
    return true
  } catch (error) {
    // Another machine took this worker for gone, and has the run now: it writes the same bytes, and there are other runs.
    if (error instanceof LockLost) {
      warn(`${error.message}: it is left to whoever has it`)
      onEvent({ type: 'lost', run: name })
      return 'lost'
    }
    // What a worker lacks (a backend, the data, room on the disk) says nothing of the run: it ends, and the run stays as it is.
    const isOfWorker = !prepared || error instanceof UsageError
    if (isOfWorker || (signal.aborted && error === signal.reason)) throw error
    if (!isMendable(error)) warn(error instanceof Error ? (error.stack ?? error.message) : String(error))
    await recordFailure(claimed.path, error)
    await events.fail(error)
    onEvent({ type: 'failed', run: name, sentence: error instanceof Error ? error.message : String(error) })
    return false
  }
}

/** Where a run stands; undefined if it is to begin anew: at first, after another backend, or where every checkpoint is damaged. */
const checkpointOf = async (folder: string, { id }: Backend): Promise<Checkpoint | undefined> => {
  try {
    const found = await readResumable(folder)
    return 'checkpoint' in found && found.checkpoint.backend.id === id ? found.checkpoint : undefined
  } catch (error) {
    if (!isMendable(error)) throw error
    warn(`${folder} begins anew: ${error.message}`)
    return undefined
  }
}
