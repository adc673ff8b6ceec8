// What a run of a sweep is at, read from its folder alone.
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isPart, syncFolder, writeAtomic } from '../atomic-file'
import { checkpointName } from '../checkpoint-folder'
import { isLock, livingHolder } from '../folder-lock'

export type RunState =
  /** run.json is there. */
  | 'done'
  /** run.json is there, and beside it what the run was trained with: its process ended before it removed that, or is about to. */
  | 'left'
  /** A process that lives trains it. */
  | 'running'
  /** It failed three times. */
  | 'failed'
  /** Begun, or not begun, and nobody's. */
  | 'open'

/** What is known of a run's failure. */
interface Failure {
  readonly at: string
  readonly sentence: string
  readonly host: string
}

/** A run that failed so often is left. */
const mostFailures = 3

const failureNumber = (name: string): number => Number(/^failure-(\d{1,3})\.json$/.exec(name)?.[1] ?? 0)

const list = (folder: string): Promise<string[]> => readdir(folder).catch((): string[] => [])

/** What a run came to, by the files in its folder; undefined if there is something left to do. */
const endOf = (names: readonly string[]): 'done' | 'failed' | undefined => {
  if (names.includes('run.json')) return 'done'
  return names.filter((name) => failureNumber(name) > 0).length >= mostFailures ? 'failed' : undefined
}

/** Whether nothing is left to do of a run. Who holds its folder asks once more: another worker may have ended it just before. */
export const hasEnded = async (folder: string): Promise<boolean> => endOf(await list(folder)) !== undefined

/**
 * Looks at a run's folder.
 *
 * @param own a file of this process in the same file system, just written to; undefined to take every lock for a living one's
 */
export const runState = async (folder: string, own: string | undefined): Promise<RunState> => {
  const names = await list(folder)
  const end = endOf(names)
  if (end === 'done') {
    if (!names.some((name) => isLock(name) || isPart(name) || name === checkpointName)) return end
    return own !== undefined && (await livingHolder(folder, own)) !== undefined ? end : 'left'
  }
  if (names.some(isLock) && (own === undefined || (await livingHolder(folder, own)) !== undefined)) return 'running'
  return end ?? 'open'
}

/** Keeps why a run failed. Only who holds the run's folder writes there. */
export const recordFailure = async (folder: string, error: unknown): Promise<void> => {
  const last = Math.max(0, ...(await list(folder)).map(failureNumber))
  const sentence = error instanceof Error ? error.message : String(error)
  const failure: Failure = { at: new Date().toISOString(), sentence, host: hostname() }
  await writeAtomic(join(folder, `failure-${last + 1}.json`), `${JSON.stringify(failure, null, 2)}\n`)
}

/** The failures of a run, the first one first. */
export const failuresOf = async (folder: string): Promise<readonly Failure[]> => {
  const names = (await list(folder)).filter((name) => failureNumber(name) > 0)
  names.sort((a, b) => failureNumber(a) - failureNumber(b))
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Failure))
}

/** Lets a run be tried again. @returns whether it had failed */
export const forgetFailures = async (folder: string): Promise<boolean> => {
  const names = (await list(folder)).filter((name) => failureNumber(name) > 0)
  for (const name of names) await rm(join(folder, name), { force: true })
  if (names.length > 0 && existsSync(folder)) await syncFolder(folder)
  return names.length > 0
}
