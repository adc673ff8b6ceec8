// Runs and checkpoints in IndexedDB, in the form of their files: they outlive a reload, a crash and a lost device.
import { clear, createStore, del, entries, get, set, type UseStore } from 'idb-keyval'
import { modelNames } from '@digitlab/models'
import { parseRun, readCheckpoint, writeCheckpoint, type Checkpoint } from '@digitlab/train'
import { dataChoices, type GivenFile, type Group, type KnownRun, type Resumable, type UnreadableRun } from '../protocol'
import { settingsOf } from '../settings'
import { failureOf, PageError } from './failure'
import type { RunOrder } from './job'
import { runLock } from './run-lock'

/** A finished run as it is kept: its files say the rest. */
type KeptRun = Omit<KnownRun, 'run'> & { readonly startedAt: string }

/** A run that is not done. */
type KeptCheckpoint = Resumable & { readonly bytes: Uint8Array }

/** Files of a data set that was given. */
interface KeptFiles {
  readonly given: readonly GivenFile[]
}

/** Finished runs that are kept; the oldest make room. */
const mostRuns = 12

/** How long the browser's storage may take, in milliseconds: one that hangs is as one that is not there. */
const patience = 15_000

let stores: Readonly<Record<'runs' | 'checkpoints' | 'files', UseStore>> | undefined
const open = () =>
  (stores ??= {
    runs: createStore('digitlab-runs', 'runs'),
    checkpoints: createStore('digitlab-checkpoints', 'checkpoints'),
    files: createStore('digitlab-files', 'files'),
  })

/** Does something with the stores. @throws Error where the browser keeps nothing, has no room or does not answer */
const storage = async <T>(work: (stores: ReturnType<typeof open>) => Promise<T>): Promise<T> => {
  let late: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error('its storage does not answer')), patience)
  })
  try {
    return await Promise.race([work(open()), silence])
  } finally {
    clearTimeout(late)
  }
}

/** Tells other pages that what is kept has changed. Checkpoints do not count: who trains is known by a lock. */
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('digitlab-kept') : undefined
export const tellOthers = (): void => channel?.postMessage('changed')
export const onOthers = (changed: () => void): void => channel?.addEventListener('message', changed)

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
  await storage(({ checkpoints }) => set(order.key, { ...resumable, bytes } satisfies KeptCheckpoint, checkpoints))
  return resumable
}

/** @throws PageError where there is none any more; TrainError where it is damaged, or was written by another version */
export const keptCheckpoint = async (
  key: string,
): Promise<{ readonly resumable: Resumable; readonly checkpoint: Checkpoint }> => {
  const kept = await storage(({ checkpoints }) => get<unknown>(key, checkpoints))
  if (kept === undefined)
    throw new PageError('this run is kept no longer: it has ended or was discarded in another tab')
  return { resumable: resumableOf(kept), checkpoint: await readCheckpoint((kept as KeptCheckpoint).bytes) }
}

/** Keeps a run that has ended, in place of its checkpoint, which an interrupted one still needs. */
export const keepRun = async ({ run, ...known }: KnownRun): Promise<void> => {
  await storage(async ({ runs, checkpoints }) => {
    await set(known.key, { ...known, startedAt: run.startedAt } satisfies KeptRun, runs)
    if (run.status === 'completed') await del(known.key, checkpoints)
    const oldest = (await entries<string, unknown>(runs)).sort(byStart)
    for (const [key] of oldest.slice(0, Math.max(0, oldest.length - mostRuns))) await del(key, runs)
  })
  tellOthers()
}

type Entry = readonly [key: string, kept: unknown]

const byStart = ([, a]: Entry, [, b]: Entry): number => {
  const start = (kept: unknown) => String((kept as Partial<KeptRun> | null)?.startedAt ?? '')
  return start(a) < start(b) ? -1 : 1
}

/** The runs that have ended, the oldest first, and those that this version can't read, which are left where they are. */
export const keptRuns = async (): Promise<{ runs: KnownRun[]; unreadable: UnreadableRun[] }> => {
  const all = (await storage(({ runs }) => entries<string, unknown>(runs))).sort(byStart)
  const runs: KnownRun[] = []
  const unreadable: UnreadableRun[] = []
  for (const [key, kept] of all) {
    try {
      runs.push(knownOf(key, kept))
    } catch (error) {
      unreadable.push({ key, sentence: failureOf(error).sentence })
    }
  }
  return { runs, unreadable }
}

const knownOf = (key: string, kept: unknown): KnownRun => {
  const { files, group } = (kept ?? {}) as Partial<KeptRun>
  const json = files?.['run.json']
  if (files === undefined || typeof json !== 'string') throw new PageError('it holds no run.json')
  return { key, from: 'trained', run: parseRun(json), files, ...groupOf(group) }
}

/** The models that were to follow, where they were kept. */
const groupOf = (kept: unknown): { readonly group?: Group } => {
  const { id, rest } = (kept ?? {}) as Partial<Group>
  if (typeof id !== 'string' || !Array.isArray(rest)) return {}
  return { group: { id, rest: modelNames.filter((name) => rest.includes(name)) } }
}

/** A run is not to go on; what it came to stays. */
export const forget = async (key: string): Promise<void> => {
  await storage(({ checkpoints }) => del(key, checkpoints))
  tellOthers()
}

/** A run is to be kept no longer. */
export const remove = async (key: string): Promise<void> => {
  await storage(({ runs }) => del(key, runs))
  tellOthers()
}

/** Keeps the files of a data set that was given, in place of those before: a run on them can go on after a reload. */
export const keepFiles = (given: readonly GivenFile[]): Promise<void> =>
  storage(async ({ files }) => {
    await clear(files)
    await set('given', { given } satisfies KeptFiles, files)
  })

export const keptFiles = async (): Promise<readonly GivenFile[] | undefined> => {
  const kept = await storage(({ files }) => get<unknown>('given', files))
  const given: unknown = (kept as Partial<KeptFiles> | undefined)?.given
  return Array.isArray(given) ? (given as readonly GivenFile[]) : undefined
}

/** Where a run stands, as it was kept. @throws PageError where it was not kept so */
const resumableOf = (kept: unknown): Resumable => {
  const { key, settings, data, dataTitle, epoch, step, stepsTaken, savedAt, group, bytes } = (kept ??
    {}) as Partial<KeptCheckpoint>
  const counts = [epoch, step, stepsTaken, savedAt].every((value) => Number.isFinite(value))
  const named = data === 'files' || dataChoices.some((choice) => choice === data)
  if (typeof key !== 'string' || typeof dataTitle !== 'string' || !counts || !named || !(bytes instanceof Uint8Array))
    throw new PageError('it was kept by another version of digitlab, or is damaged')
  const { epoch: at, step: within, stepsTaken: steps, savedAt: time, data: choice } = kept as KeptCheckpoint
  return {
    ...{ key, settings: settingsOf(settings, Infinity), data: choice, dataTitle },
    ...{ epoch: at, step: within, stepsTaken: steps, savedAt: time },
    ...groupOf(group),
  }
}

/** Runs whose lock somebody else holds, and that are waited for. */
const awaited = new Set<string>()

/**
 * The runs that could go on, the latest first; not those that are being trained just now.
 *
 * @param onFree told when one of those is not trained any more and not done either: its page was closed, or its worker
 */
export const resumableRuns = async (
  onFree: (resumable: Resumable) => void,
): Promise<{ resumable: Resumable[]; unreadable: UnreadableRun[] }> => {
  const busy = await runLock.held()
  const all = await storage(({ checkpoints }) => entries<string, unknown>(checkpoints))
  const resumable: Resumable[] = []
  const unreadable: UnreadableRun[] = []
  for (const [key, kept] of all) {
    try {
      if (!busy.has(key)) resumable.push(resumableOf(kept))
      else if (!awaited.has(key)) {
        awaited.add(key)
        void runLock.whenFree(key, async () => {
          awaited.delete(key)
          const now = await storage(({ checkpoints }) => get<unknown>(key, checkpoints)).catch(() => undefined)
          if (now !== undefined) onFree(resumableOf(now))
        })
      }
    } catch (error) {
      unreadable.push({ key, sentence: failureOf(error).sentence })
    }
  }
  return { resumable: resumable.sort((a, b) => b.savedAt - a.savedAt), unreadable }
}
