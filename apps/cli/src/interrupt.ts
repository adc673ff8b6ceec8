/** The command was interrupted, and has written and said what there was. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/**
 * Runs `work` with a signal that Ctrl-C (or a termination) aborts. A second Ctrl-C ends the process at once.
 *
 * @param notice what to say at the first one
 * @throws Interrupted where the work did nothing but stop
 */
export const interruptible = async <T>(notice: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(130)
    process.stderr.write(`\n${notice}\n`)
    controller.abort()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    return await work(controller.signal)
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) throw new Interrupted()
    throw error
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
