// The images of a data set, for the figures' worker.
import { bytesOfImage, type Dataset } from '@digitlab/data'
import { imagesId } from '../figures/images-id'
import type { ToFigures } from '../figures/protocol'

/** Training images that are sent: as many as anybody looks through. */
const mostTrain = 10_000

export const sendImages = (figures: MessagePort, data: Dataset): void => {
  const { imageShape, classNames } = data
  const [height, width, channels] = imageShape
  const pixels = bytesOfImage(imageShape)
  const part = ({ images, labels }: Dataset['train'], count: number) => ({
    images: images.slice(0, count * pixels),
    labels: labels.slice(0, count),
  })
  const train = part(data.train, mostTrain)
  const test = part(data.test, data.test.count)
  const message: ToFigures = {
    type: 'images',
    id: imagesId(data),
    height,
    width,
    classNames,
    train,
    test,
    ...(channels ? { channels } : {}),
  }
  figures.postMessage(
    message,
    [train, test].flatMap(({ images, labels }) => [images.buffer, labels.buffer]),
  )
}
