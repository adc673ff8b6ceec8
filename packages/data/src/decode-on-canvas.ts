import { DataError } from './data-error'
import type { DecodePicture } from './picture-pixels'

/** Reads a picture of any format that this browser shows, in a page or a worker. */
export const decodeOnCanvas: DecodePicture = async (bytes, name) => {
  try {
    const bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]), {
      colorSpaceConversion: 'none',
    })
    const { width, height } = bitmap
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
    if (!context) throw new Error('there is no canvas')
    context.drawImage(bitmap, 0, 0)
    bitmap.close()
    return { rgba: context.getImageData(0, 0, width, height).data, width, height }
  } catch (cause) {
    throw new DataError(
      `${name} is not a picture that this browser can read (${(cause as Error).message}): save it as a PNG`,
      { cause },
    )
  }
}
