import type { Tensor } from '@tensorflow/tfjs-core'
import { runKernel } from './kernels'

/**
 * Overwrites resident images from the `start`-th on, **in place**: a recorded step that gathers from them reads the new ones.
 *
 * Kernel `DigitlabWriteImages`: input images [count, height, width, channels] (bytes, carried as dtype bool); attributes `start` and
 * `bytes`, of whole images; no output. A backend that has `DigitlabGatherBatch` has this as well.
 */
export const writeImages = (images: Tensor, start: number, bytes: Uint8Array): void => {
  runKernel('writeImages', { images }, { start, bytes })
}
