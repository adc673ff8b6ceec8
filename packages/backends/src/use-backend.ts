import { backend as currentBackend, getBackend } from '@tensorflow/tfjs-core'
import { BackendError, type Backend, type BackendInfo } from './backend'

/** The end of the queue: tfjs has one current backend a thread, so that whoever trains on one has it alone. */
let last: Promise<unknown> = Promise.resolve()

/**
 * Starts a backend and computes on it, in turn: a second call in this thread waits until the first has ended, whatever backend it is of.
 * tfjs's current backend is global, and two computations that take turns at every `await` would run on one another's.
 *
 * @param work gets what the backend says of itself, and a check that throws where tfjs computes on another backend by now: to be
 * called wherever the work goes on after an `await`
 * @throws BackendError if the backend can't start
 */
export const useBackend = <T>(
  backend: Backend,
  work: (info: BackendInfo, check: () => void) => Promise<T>,
): Promise<T> => {
  const done = last.then(async () => {
    const info = await backend.start()
    return work(info, holdBackend())
  })
  last = done.catch(() => {})
  return done
}

/**
 * Remembers tfjs's current backend.
 *
 * @returns a check that throws a {@link BackendError} where another is current: somebody called `setBackend` meanwhile
 */
export const holdBackend = (): (() => void) => {
  const [name, held] = [getBackend(), currentBackend()]
  return () => {
    // The name first: one that is still being set up has no backend to look at.
    if (getBackend() === name && currentBackend() === held) return
    throw new BackendError(
      `tfjs computes on "${getBackend()}" now, this computation began on "${name}": its backend was set to another one meanwhile; compute on that before or after, or in another thread`,
      { code: 'backend-changed' },
    )
  }
}
