import type { DeviceWatch } from '@digitlab/backends'

/** How long the news of a loss may take after what it breaks, in milliseconds: it waits until the device's queue is empty. */
const patience = 5000

/** What can be mended is no work of a lost device. */
const isMendable = (error: unknown): boolean => error instanceof Error && 'mendable' in error

/**
 * Does work on a device for as long as that is there. What is read from a lost one may never come, so that the work is not waited for
 * then; or it comes wrong, so that the work looks (`check` throws) before it hands anything out.
 *
 * @throws BackendError if the device is lost
 */
export const whileThere = async <T>(
  watch: DeviceWatch | undefined,
  work: (check: () => void) => Promise<T>,
): Promise<T> => {
  const check = () => {
    const lost = watch?.lost()
    if (lost) throw lost
  }
  const gone = watch?.gone.then((lost): never => {
    throw lost
  })
  try {
    return await Promise.race([work(check), ...(gone ? [gone] : [])])
  } catch (error) {
    // What a lost device makes tfjs throw may come before the news of the loss.
    if (watch && !isMendable(error))
      await Promise.race([watch.gone, new Promise((resolve) => setTimeout(resolve, patience))])
    check()
    throw error
  }
}
