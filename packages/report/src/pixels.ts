// Indices run over pictures whose sizes were checked on entry: each `!` is in range.
import { encode } from 'fast-png'
import type { DrawnImages } from './drawn-run'
import { element } from './figure'
import { shrunkImages } from './shrunk-images'
import type { Theme } from './theme'

/** Positive and negative, strong enough on white and on black. */
export const signColours = { positive: [224, 98, 20], negative: [34, 120, 214] } as const

/** Drawn larger, the few pixels of a filter would be blurred into one another: pictures get at least so many. */
const sharpSide = 24

/** More pixels than a tile can show would only make a page heavy. */
const largestSide = 128

const dataUri = (png: Uint8Array): string => {
  const piece = 8192 // arguments of a call
  let text = ''
  for (let at = 0; at < png.length; at += piece) text += String.fromCharCode(...png.subarray(at, at + piece))
  return `data:image/png;base64,${btoa(text)}`
}

/** A character of its own for each byte, by the platform's code: every figure asks for it of every image. */
const decoder = new TextDecoder('windows-1252')
const contentOf = (bytes: Uint8Array): string => decoder.decode(bytes)

/** Images as they were encoded, the newest last: reports show the same test images again and again. */
const encoded = new Map<string, string>()
const most = 200

/** What `make` makes of an image, or made of one of the same content. */
const onceOf = (content: string, make: () => string): string => {
  const uri = encoded.get(content) ?? make()
  encoded.delete(content)
  encoded.set(content, uri)
  const [oldest] = encoded.keys()
  if (encoded.size > most && oldest !== undefined) encoded.delete(oldest)
  return uri
}

/**
 * Ink on whatever is behind it: how dark a pixel is, is how opaque it is.
 *
 * @param shades bytes, [height, width], 0 for background
 */
export const inkImage = (shades: Uint8Array, height: number, width: number, theme: Theme): string => {
  const by = Math.ceil(Math.max(height, width) / largestSide)
  if (by > 1 && Math.min(height, width) >= by) {
    const small = shrunkImages({ pixels: shades, height, width }, by)
    return inkImage(small.pixels, small.height, small.width, theme)
  }
  const ink = theme === 'dark' ? 255 : 0
  return onceOf(`${width} ${height} ${ink} ${contentOf(shades)}`, () => {
    const data = new Uint8Array(2 * height * width)
    shades.forEach((shade, i) => {
      data[2 * i] = ink
      data[2 * i + 1] = shade
    })
    return dataUri(encode({ width, height, data, channels: 2, depth: 8 }))
  })
}

/**
 * Numbers as colours: one for positive, one for negative, the stronger the larger; zero is transparent.
 *
 * @param values [height, width]; @param largest the magnitude that gets the full colour
 */
export const signedImage = (values: ArrayLike<number>, height: number, width: number, largest: number): string => {
  const shades = new Uint8Array(2 * height * width) // of each its sign, and how strong it is
  for (let i = 0; i < height * width; i++) {
    const value = values[i]!
    const share = largest > 0 ? Math.min(1, Math.abs(value) / largest) : 0
    shades[2 * i] = value >= 0 ? 1 : 0
    shades[2 * i + 1] = Math.round(255 * (Number.isFinite(share) ? share : 0))
  }
  return onceOf(`${width} ${height} signed ${contentOf(shades)}`, () => {
    const scale = Math.ceil(sharpSide / Math.max(height, width))
    const data = new Uint8Array(4 * height * width * scale * scale)
    for (let y = 0; y < height * scale; y++)
      for (let x = 0; x < width * scale; x++) {
        const from = 2 * (Math.floor(y / scale) * width + Math.floor(x / scale))
        const colour = shades[from] === 1 ? signColours.positive : signColours.negative
        const at = 4 * (y * width * scale + x)
        data[at] = colour[0]
        data[at + 1] = colour[1]
        data[at + 2] = colour[2]
        data[at + 3] = shades[from + 1]!
      }
    return dataUri(encode({ width: width * scale, height: height * scale, data, channels: 4, depth: 8 }))
  })
}

/** A picture at a place. Of class 'ink' it is turned light where a page is dark. */
export const imageAt = (
  uri: string,
  x: number,
  y: number,
  width: number,
  height: number,
  kind: 'ink' | 'colour',
): string =>
  element('image', {
    x,
    y,
    width,
    height,
    class: kind === 'ink' ? 'ink' : undefined,
    preserveAspectRatio: 'none',
    'xlink:href': uri,
  })

/** One image of many: ink, or its colours as they are. */
export const pictureOf = (
  { pixels, height, width, channels }: DrawnImages,
  index: number,
  theme: Theme,
): { readonly uri: string; readonly kind: 'ink' | 'colour' } => {
  const size = height * width * (channels ?? 1)
  const image = pixels.subarray(index * size, (index + 1) * size)
  return channels
    ? { uri: colourImage({ pixels: image, height, width, channels }), kind: 'colour' }
    : { uri: inkImage(image, height, width, theme), kind: 'ink' }
}

const colourImage = (image: DrawnImages): string => {
  const { height, width } = image
  const by = Math.ceil(Math.max(height, width) / largestSide)
  if (by > 1 && Math.min(height, width) >= by) return colourImage(shrunkImages(image, by))
  return onceOf(`${width} ${height} colours ${contentOf(image.pixels)}`, () =>
    dataUri(encode({ width, height, data: image.pixels, channels: 3, depth: 8 })),
  )
}
