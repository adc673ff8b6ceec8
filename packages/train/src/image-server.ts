// The side of a thread that prepares images: pure, no tensors.
import { bytesOfImage } from '@digitlab/data'
import { createAugmenter, type Augmenter } from './augment-images'
import type { Extensions } from './extensions'
import type { FromImageWorker, ToImageWorker } from './image-messages'
import { workerPort } from './worker-port'

/**
 * Makes this thread one that prepares the augmented images of `runExperiment`: the one line of a worker file.
 *
 * ```js
 * import { serveImages } from '@digitlab/train/images'
 *
 * serveImages()
 * ```
 *
 * It works until it is terminated. What fails is told to the thread that trains.
 *
 * @param extensions the same that runExperiment is given
 */
export const serveImages = (extensions: Extensions = {}): void => {
  const port = workerPort()
  const answer = imageServer(extensions)
  port.onmessage = ({ data }) => {
    const message = answer(data as ToImageWorker) // nobody else writes to a worker's port
    port.postMessage(message, message.type === 'block' ? [message.room] : [])
  }
}

/** What answers the thread that trains. */
export const imageServer = (extensions: Extensions): ((message: ToImageWorker) => FromImageWorker) => {
  let loaded: { readonly augmenter: Augmenter; readonly pixels: number } | undefined
  const answer = (message: ToImageWorker): FromImageWorker => {
    if (message.type === 'load') {
      const { experiment, source } = message
      const augmenter = createAugmenter(experiment, source, extensions)
      if (!augmenter) throw new Error('the experiment has no augmentation')
      loaded = { augmenter, pixels: bytesOfImage(source.imageShape) }
      return { type: 'loaded' }
    }
    if (!loaded) throw new Error('images were asked for before there were any')
    const { epoch, start, indices, room } = message
    loaded.augmenter.render(epoch, start, indices, new Uint8Array(room, 0, indices.length * loaded.pixels))
    return { type: 'block', epoch, start, room }
  }
  return (message) => {
    try {
      return answer(message)
    } catch (error) {
      return { type: 'failed', message: (error as Error).message }
    }
  }
}
