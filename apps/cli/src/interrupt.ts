import { freshLine, note } from './output'

/** The command was interrupted, and has written and said what there was. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/**
 * Runs `work` with a signal that Ctrl-C (or a termination) aborts. A second one ends the process at once, whatever it is doing:
 * the system does that where no handler is left.
 *
 * @param notice what to say at the first one
 * @throws Interrupted if the work did nothing but stop
 */
export const interruptible = async <T>(notice: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const controller = new AbortController()
  const { signal } = controller
  const letGo = () => process.off('SIGINT', stop).off('SIGTERM', stop)
  const stop = () => {
    letGo()
    freshLine()
    note(notice)
    controller.abort()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    return await work(signal)
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw new Interrupted()
    throw error
  } finally {
    letGo()
  }
}
