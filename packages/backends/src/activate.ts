import { getBackend, setBackend } from '@tensorflow/tfjs-core'
import { BackendError } from './backend'

/**
 * Makes a registered tfjs backend the current one. tfjs's own `setBackend` answers false where it fails, and `ready()`
 * goes on to the next backend; this throws instead.
 *
 * @param name the name under which tfjs knows it
 * @throws BackendError if tfjs runs on another backend afterwards
 */
export const activate = async (name: string): Promise<void> => {
  const done = await setBackend(name)
  if (!done || getBackend() !== name)
    throw new BackendError(
      `tfjs could not start its backend "${name}" and stayed on "${getBackend()}": take another backend, or see tfjs's own warning for the reason`,
    )
}
