// A picture that was given, as the pixels that a drawing has.
import { shown } from '../shown'
import { PageError } from './failure'

/** The longer side that a picture is read at, in pixels: a digit of a photograph is found as well, and sooner. */
const longest = 1024
/** What a browser may be asked to unpack: a small file can hold a very large picture. */
const most = { bytes: 64e6, pixels: 100e6 }

/** @throws PageError where the browser makes no picture of it */
export const pixelsOf = async (
  file: File,
): Promise<{ readonly rgba: Uint8ClampedArray; readonly width: number; readonly height: number }> => {
  const name = shown(file.name)
  if (file.size > most.bytes)
    throw new PageError(`${name} has ${file.size} bytes, a picture may have ${most.bytes}: give a smaller one`)
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(file)
  } catch (cause) {
    throw new PageError(
      `${name} is damaged, or a picture of a kind that this browser cannot show: give a PNG or JPEG`,
      {
        cause,
      },
    )
  }
  try {
    if (bitmap.width * bitmap.height > most.pixels)
      throw new PageError(`${name} has ${bitmap.width} x ${bitmap.height} pixels: give a smaller picture`)
    const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height))
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale))) as [
      number,
      number,
    ]
    const context = new OffscreenCanvas(width, height).getContext('2d')
    if (!context) throw new PageError(`this browser gives no canvas to read ${name} with: draw the digit instead`)
    context.imageSmoothingQuality = 'high'
    context.drawImage(bitmap, 0, 0, width, height)
    return { rgba: context.getImageData(0, 0, width, height).data, width, height }
  } finally {
    bitmap.close()
  }
}
