import { integer } from '@digitlab/models'
import { defineAugmentation, type Paint } from '../augmentation-type'

/**
 * A square of black, its centre anywhere in the image: beyond the edge it is cut off.
 *
 * Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.
 */
export const cutout = defineAugmentation({
  name: 'cutout',
  says: 'a black square somewhere in each image',
  options: { size: integer({ from: 0, default: 8, says: 'its side in pixels' }) },
  refuses: ({ size }, [height, width]) =>
    size < 2 * Math.max(height, width)
      ? undefined
      : `blackens squares of ${size} pixels, the images are ${height} x ${width}: nothing of one would be left`,
  paint({ size }, [height, width]): Paint {
    return (draws, image) => {
      const corner = (length: number) => Math.floor(draws.uniform(0, length)) - Math.floor(size / 2)
      const [top, left] = [corner(height), corner(width)]
      const [from, to] = [Math.max(0, left), Math.max(0, Math.min(width, left + size))]
      for (let row = Math.max(0, top); row < Math.min(height, top + size); row++)
        image.fill(0, row * width + from, row * width + to)
    }
  },
})
