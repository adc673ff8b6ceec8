// Pictures on their way into a data set: pixels, grey, one size.
import { DataError } from './data-error'
import { mnistForm } from './mnist-form'
import { decodePng, isPng } from './png'

/** A picture's pixels, [height, width, channels]. */
export interface Pixels {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
}

/** Reads a picture of any format: a canvas in a page, a library elsewhere. @returns rgba [height, width, 4] */
export type DecodePicture = (
  bytes: Uint8Array,
  name: string,
) => Promise<{ readonly rgba: Uint8Array | Uint8ClampedArray; readonly width: number; readonly height: number }>

/** How pictures are brought into one form. */
export interface PictureForm {
  readonly size?: readonly [height: number, width: number]
  readonly asMnist?: boolean
  readonly channels?: 1 | 3
  readonly decodePicture?: DecodePicture
}

/** Whether bytes begin as a picture of a format that is known. */
export const isPicture = (bytes: Uint8Array): boolean => {
  const text = String.fromCharCode(...bytes.subarray(0, 12))
  return (
    isPng(bytes) ||
    text.startsWith('\xff\xd8\xff') ||
    /^RIFF....WEBP/s.test(text) ||
    /^GIF8[79]a/.test(text) ||
    text.startsWith('BM')
  )
}

/** Whether a file's name is one of a picture. */
export const isPictureName = (name: string): boolean => /\.(png|jpe?g|webp|gif|bmp)$/i.test(name)

/** @throws DataError if it is damaged, or there is nothing to read its format with */
export const pixelsOf = async (bytes: Uint8Array, name: string, decode?: DecodePicture): Promise<Pixels> => {
  const png = isPng(bytes) ? decodePng(bytes, name) : undefined
  if (png) return png
  if (!decode)
    throw new DataError(`${name} is a picture in an unsupported format: save it as a PNG without interlacing`)
  const { rgba, width, height } = await decode(bytes, name)
  const data = new Uint8Array(3 * width * height)
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) data[3 * i + c] = rgba[4 * i + c] ?? 0
  return { data, width, height, channels: 3 }
}

/** Whether a picture has a pixel that is no grey. */
export const hasColour = ({ data, channels }: Pixels): boolean => {
  if (channels === 1) return false
  for (let i = 0; i < data.length; i += 3) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return true
  return false
}

/** Brings a picture into the form that is asked for: MNIST's, or a size and a number of channels. */
export const formed = (pixels: Pixels, { size, asMnist, channels = 1 }: PictureForm, name: string): Pixels => {
  if (asMnist) {
    try {
      const data = mnistForm(rgbaOf(pixels), pixels.width, pixels.height)
      const grey = { data, width: 28, height: 28, channels: 1 } as const
      return channels === 1 ? grey : colouredOf(grey)
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause
      throw new DataError(`${name}: ${cause.message}`, { cause })
    }
  }
  const wanted = channels === 1 ? greyOf(pixels) : colouredOf(pixels)
  return size ? resized(wanted, size) : wanted
}

const rgbaOf = ({ data, channels }: Pixels): Uint8Array => {
  const rgba = new Uint8Array((4 * data.length) / channels)
  for (let i = 0; i < rgba.length; i++) {
    const [pixel, c] = [i >> 2, i & 3]
    rgba[i] = c === 3 ? 255 : (data[pixel * channels + (channels === 1 ? 0 : c)] ?? 0)
  }
  return rgba
}

/** Luma of ITU-R BT.601 in integers, as Pillow's convert('L') has it: (19595 R + 38470 G + 7471 B + 32768) / 65536. */
export const greyOf = (pixels: Pixels): Pixels => {
  const { data, channels } = pixels
  if (channels === 1) return pixels
  const grey = new Uint8Array(data.length / 3)
  // Indices run over pixels that are there: each `!` is in range.
  for (let i = 0; i < grey.length; i++)
    grey[i] = (19595 * data[3 * i]! + 38470 * data[3 * i + 1]! + 7471 * data[3 * i + 2]! + 32768) >>> 16
  return { ...pixels, data: grey, channels: 1 }
}

/** Three channels of equal values where there is one. */
export const colouredOf = (pixels: Pixels): Pixels => {
  if (pixels.channels === 3) return pixels
  const data = new Uint8Array(3 * pixels.data.length)
  for (let i = 0; i < data.length; i++) data[i] = pixels.data[Math.floor(i / 3)] ?? 0
  return { ...pixels, data, channels: 3 }
}

/**
 * Scales a picture by a triangle that covers, where it is made smaller, all pixels that one takes the place of: Pillow's BILINEAR,
 * and so torchvision's Resize. The sides are scaled each for itself.
 */
const resized = (pixels: Pixels, [height, width]: readonly [number, number]): Pixels => {
  const { data, channels } = pixels
  if (pixels.height === height && pixels.width === width) return pixels
  const across = weightsFor(pixels.width, width)
  const down = weightsFor(pixels.height, height)
  const between = new Float32Array(pixels.height * width * channels)
  // Weights lead to pixels that are there: each `!` is in range.
  for (let y = 0; y < pixels.height; y++)
    across.forEach(({ from, weights }, x) => {
      for (let c = 0; c < channels; c++) {
        let sum = 0
        for (let i = 0; i < weights.length; i++)
          sum += weights[i]! * data[(y * pixels.width + from + i) * channels + c]!
        between[(y * width + x) * channels + c] = sum
      }
    })
  const scaled = new Uint8Array(height * width * channels)
  down.forEach(({ from, weights }, y) => {
    for (let x = 0; x < width * channels; x++) {
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * between[(from + i) * width * channels + x]!
      scaled[y * width * channels + x] = Math.round(sum)
    }
  })
  return { data: scaled, width, height, channels }
}

const weightsFor = (from: number, to: number): { readonly from: number; readonly weights: Float64Array }[] => {
  const scale = from / to
  const reach = Math.max(scale, 1)
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale
    const first = Math.max(0, Math.floor(centre - reach + 0.5))
    const last = Math.min(from, Math.floor(centre + reach + 0.5))
    const weights = Float64Array.from({ length: last - first }, (_, j) =>
      Math.max(0, 1 - Math.abs((first + j + 0.5 - centre) / reach)),
    )
    const sum = weights.reduce((total, weight) => total + weight, 0)
    return { from: first, weights: weights.map((weight) => weight / sum) }
  })
}
