import type { DeviceWatch } from '@digitlab/backends'
import { turn } from './give-way'

/**
 * Does work on a device for as long as that is there. What is read from a lost one may never come, so that the work is not waited for
 * then; or it comes wrong, so that the work looks (`check` throws) before it hands anything out.
 *
 * @throws BackendError where the device is lost
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
    if (watch) await turn() // what a lost device makes tfjs throw may come before the news of the loss
    check()
    throw error
  }
}
