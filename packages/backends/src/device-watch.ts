import {
  findBackend,
  findBackendFactory,
  registerBackend,
  removeBackend,
  type KernelBackend,
} from '@tensorflow/tfjs-core'
import { BackendError, type BackendId, type DeviceWatch } from './backend'

const watches = new WeakMap<KernelBackend, DeviceWatch>()

/**
 * Watches the device of a started tfjs backend; again the same watch for the same one.
 *
 * @param begin begins to watch: it is given what to call, with a phrase, once the device is gone, and answers a look at it now, where
 * one can be had sooner than that
 */
export const watchDevice = (
  id: BackendId,
  backend: KernelBackend,
  begin: (gone: (why: string) => void) => () => string | undefined,
): DeviceWatch => {
  const known = watches.get(backend)
  if (known) return known
  let failure: BackendError | undefined
  let tell: (error: BackendError) => void = () => {}
  const gone = new Promise<BackendError>((resolve) => (tell = resolve))
  const fail = (why: string) => {
    failure ??= new BackendError(
      `the device of the backend "${id}" is lost (${why}), and what it held with it: start the backend again and resume from the last checkpoint, or take another backend`,
      { code: 'device-lost' },
    )
    tell(failure)
    return failure
  }
  const look = begin(fail)
  const watch: DeviceWatch = {
    gone,
    lost() {
      if (failure) return failure
      const why = look()
      return why === undefined ? undefined : fail(why)
    },
  }
  watches.set(backend, watch)
  return watch
}

/** The watch of a tfjs backend that was started here; undefined if none was. */
export const watchOf = (name: string): DeviceWatch | undefined => {
  const backend = findBackend(name) as KernelBackend | null
  return backend ? watches.get(backend) : undefined
}

/** Lets tfjs make a backend anew whose device is lost: it would use the dead one. */
export const replaceLost = (name: string, priority: number): void => {
  if (!watchOf(name)?.lost()) return
  const factory = findBackendFactory(name)
  removeBackend(name)
  registerBackend(name, factory, priority)
}
