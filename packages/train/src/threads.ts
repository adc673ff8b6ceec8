// On how many threads a backend computes. No bit of a run depends on it.
import type { Backend } from '@digitlab/backends'
import { processors } from './host'
import { TrainError } from './train-error'

/** So many threads a processor are refused: they take turns, and each step waits for the last of them. */
const crowd = 4

/** The most that 'auto' starts; of those, as many take a step as is fastest. */
const mostOfAuto = 8

/**
 * Checks how many threads are asked for.
 *
 * @returns a sentence where there are more than processors, or where the backend has but one
 * @throws TrainError if it is not a number of threads, several times that of the processors, or the backend's device is not a processor
 */
export const checkWorkers = (count: number | 'auto', backend: Backend): string | undefined => {
  if (count === 'auto') return undefined
  if (!(Number.isInteger(count) && count >= 1 && count <= 64))
    throw new TrainError(`the number of workers must be "auto" or an integer from 1 to 64, not ${String(count)}`)
  if (count === 1) return undefined
  if (backend.asynchronous)
    throw new TrainError(
      'this backend computes on a device of its own, which workers cannot share: leave the number of workers out',
      { code: 'workers' },
    )
  if (!backend.useThreads)
    return `the backend "${backend.id}" computes on one thread, with the same results: ${count} workers are for others`
  const cores = processors()
  if (cores === 0 || count <= cores) return undefined
  const here = cores === 1 ? 'one processor' : `${cores} processors`
  if (count > crowd * cores)
    throw new TrainError(
      `${count} workers would take turns on ${here}: take "auto" or up to ${cores} workers; from ${crowd * cores + 1} on they are refused here`,
    )
  return `${count} workers share ${here}: training is faster with up to ${cores}`
}

/**
 * Has the started backend compute on so many threads.
 *
 * @returns how many there are, and a sentence where those that were asked for are not available
 */
export const useWorkers = async (
  backend: Backend,
  count: number | 'auto',
): Promise<{ readonly threads: number; readonly notice?: string }> => {
  if (!backend.useThreads) return { threads: 1 }
  if (count === 'auto') {
    const most = Math.min(processors(), mostOfAuto)
    return { threads: most > 1 ? await backend.useThreads(most, { fewer: true }) : 1 }
  }
  const threads = await backend.useThreads(count)
  if (threads === count) return { threads }
  return {
    threads,
    notice: `threads need shared memory, which this page may not have: it computes on one, with the same results; serve it cross-origin isolated for ${count}`,
  }
}
