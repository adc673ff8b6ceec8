// Runs and checkpoints in IndexedDB, in the form of their files: they outlive a reload, a crash and a lost device.
import { createStore, del, entries, get, set, type UseStore } from 'idb-keyval'
import { parseRun, readCheckpoint, writeCheckpoint, type Checkpoint } from '@digitlab/train'
import type { DataChoice, Group, KnownRun, Resumable, Settings } from '../protocol'

/** A finished run as it is kept: its files say the rest. */
type KeptRun = Omit<KnownRun, 'run'> & { readonly startedAt: string }

/** A run that is not done. */
type KeptCheckpoint = Resumable & { readonly bytes: Uint8Array }

/** Finished runs that are kept; the oldest make room. */
const mostRuns = 12

let stores: Readonly<Record<'runs' | 'checkpoints' | 'files', UseStore>> | undefined
const open = () =>
  (stores ??= {
    runs: createStore('digitlab-runs', 'runs'),
    checkpoints: createStore('digitlab-checkpoints', 'checkpoints'),
    files: createStore('digitlab-files', 'files'),
  })

/** What a checkpoint alone does not say of a run. */
export interface RunOrder {
  readonly key: string
  readonly settings: Settings
  readonly data: DataChoice
  readonly group?: Group
}

/** Keeps where a run stands, in place of where it stood. */
export const keepCheckpoint = async (order: RunOrder, checkpoint: Checkpoint): Promise<Resumable> => {
  const resumable: Resumable = {
    ...order,
    dataTitle: checkpoint.dataset.title,
    epoch: checkpoint.epoch,
    step: checkpoint.step,
    stepsTaken: checkpoint.stepLosses.length,
    savedAt: Date.now(),
  }
  const bytes = await writeCheckpoint(checkpoint)
  await set(order.key, { ...resumable, bytes } satisfies KeptCheckpoint, open().checkpoints)
  return resumable
}

/** @throws TrainError where it is damaged, or was written by another version */
export const keptCheckpoint = async (
  key: string,
): Promise<{ readonly resumable: Resumable; readonly checkpoint: Checkpoint } | undefined> => {
  const kept = await get<KeptCheckpoint>(key, open().checkpoints)
  if (!kept) return undefined
  return { resumable: resumableOf(kept), checkpoint: await readCheckpoint(kept.bytes, 'the run that was kept here') }
}

/** Keeps a run that has ended, in place of its checkpoint, which an interrupted one still needs. */
export const keepRun = async ({ run, ...known }: KnownRun): Promise<void> => {
  await set(known.key, { ...known, startedAt: run.startedAt } satisfies KeptRun, open().runs)
  if (run.status === 'completed') await del(known.key, open().checkpoints)
  const all = await entries<string, KeptRun>(open().runs)
  const oldest = all.sort(([, a], [, b]) => (a.startedAt < b.startedAt ? -1 : 1))
  for (const [key] of oldest.slice(0, Math.max(0, oldest.length - mostRuns))) await del(key, open().runs)
}

/** The runs that have ended, the oldest first. One that this version can't read is left where it is. */
export const keptRuns = async (): Promise<KnownRun[]> => {
  const all = await entries<string, KeptRun>(open().runs)
  return all
    .map(([, kept]) => kept)
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1))
    .flatMap(({ key, from, files, group }) => {
      try {
        const run = parseRun(files['run.json'] as string) // runFiles wrote it as text
        return [{ key, from, run, files, ...(group ? { group } : {}) }]
      } catch {
        return []
      }
    })
}

/** A run shall not go on; what it came to stays. */
export const forget = (key: string): Promise<void> => del(key, open().checkpoints)

/** Keeps the files of a data set that was given, in place of those before: a run on them can go on after a reload. */
export const keepFiles = (files: readonly File[]): Promise<void> => set('given', files, open().files)

export const keptFiles = (): Promise<readonly File[] | undefined> => get('given', open().files)

const lockOf = (key: string): string => `digitlab-run-${key}`

/** Does something while other pages know that this run is being trained. */
export const whileTraining = async <T>(key: string, work: () => Promise<T>): Promise<T> =>
  'locks' in navigator ? await navigator.locks.request(lockOf(key), work) : work()

const resumableOf = ({ bytes, ...resumable }: KeptCheckpoint): Resumable => {
  void bytes // a large part, for which nobody asked
  return resumable
}

/**
 * The runs that could go on, the latest first; not those that are being trained just now.
 *
 * @param onFree told when one of those is not trained any more and not done either: its page was closed, or its worker
 */
export const resumableRuns = async (onFree: (resumable: Resumable) => void): Promise<Resumable[]> => {
  const held = 'locks' in navigator ? ((await navigator.locks.query()).held ?? []).map(({ name }) => name) : []
  const all = await entries<string, KeptCheckpoint>(open().checkpoints)
  const busy = all.filter(([key]) => held.includes(lockOf(key)))
  for (const [key] of busy)
    void whileTraining(key, async () => {
      const kept = await get<KeptCheckpoint>(key, open().checkpoints)
      if (kept) onFree(resumableOf(kept))
    })
  return all
    .filter((entry) => !busy.includes(entry))
    .map(([, kept]) => resumableOf(kept))
    .sort((a, b) => b.savedAt - a.savedAt)
}
