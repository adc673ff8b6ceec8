// What a caller gave to be called during a run.
import { TrainError } from './train-error'

let calling = 0

/** Calls a callback of a caller's. */
export const call = <A extends readonly unknown[], R>(callback: (...args: A) => R, ...args: A): R => {
  calling++
  try {
    return callback(...args)
  } finally {
    calling--
  }
}

/**
 * Refuses a run that a callback of another begins: that one waits for its callback, and this one for its turn. One that begins later
 * than the callback's first `await` is not seen here.
 */
export const refuseNested = (): void => {
  if (calling > 0)
    throw new TrainError(
      'a run was begun within a callback of another, and each would wait for the other: begin it once that has ended',
    )
}

/** Whether something is to be waited for. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
