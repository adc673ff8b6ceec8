// What a picture's first bytes say: its format, how large it is, how it is turned. Nothing is unpacked.
import { exifOrientation } from './orientation'

export interface PictureHeader {
  readonly format: 'PNG' | 'JPEG' | 'WebP' | 'GIF' | 'BMP'
  /** Every size that a decoder may make room for: the picture's, and its frames'. */
  readonly sizes: readonly (readonly [width: number, height: number])[]
  readonly orientation: number
  /** What the decoder gets. */
  readonly bytes: Buffer
}

/** Formats that are known but not read, for a sentence that says so. */
const others: readonly (readonly [name: string, at: number, bytes: string])[] = [
  ['HEIC', 4, 'ftyphei'],
  ['HEIC', 4, 'ftypmif1'],
  ['AVIF', 4, 'ftypavi'],
  ['TIFF', 0, 'II*\0'],
  ['TIFF', 0, 'MM\0*'],
  ['PDF', 0, '%PDF'],
  ['SVG', 0, '<svg'],
  ['SVG', 0, '<?xml'],
  ['JPEG XL', 4, 'JXL '],
]

const has = (bytes: Buffer, at: number, text: string): boolean =>
  bytes.length >= at + text.length && bytes.subarray(at, at + text.length).toString('latin1') === text

/** The name of a format that is not read; undefined if the bytes are of none that is known. */
export const unreadFormat = (bytes: Buffer): string | undefined =>
  others.find(([, at, text]) => has(bytes, at, text))?.[0]

/** @returns undefined if it is not a picture in a supported format, or breaks off before its size is known */
export const pictureHeader = (bytes: Buffer): PictureHeader | undefined => {
  if (has(bytes, 0, '\x89PNG\r\n\x1a\n')) return pngHeader(bytes)
  if (has(bytes, 0, '\xff\xd8\xff')) return jpegHeader(bytes)
  if (has(bytes, 0, 'RIFF') && has(bytes, 8, 'WEBP')) return webpHeader(bytes)
  if (has(bytes, 0, 'GIF87a') || has(bytes, 0, 'GIF89a')) return gifHeader(bytes)
  if (has(bytes, 0, 'BM')) return bmpHeader(bytes)
  return undefined
}

/** Chunks that a picture's pixels are made of: the others may hold anything, packed text without end among it. */
const pngPixels = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'])

const pngHeader = (bytes: Buffer): PictureHeader | undefined => {
  if (bytes.length < 33 || !has(bytes, 12, 'IHDR')) return undefined
  const kept = [bytes.subarray(0, 8)]
  let orientation = 1
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 12 + bytes.readUInt32BE(at)
    const type = bytes.subarray(at + 4, at + 8).toString('latin1')
    if (type === 'eXIf') orientation = exifOrientation(bytes.subarray(at + 8, Math.max(at + 8, end - 4)))
    if (pngPixels.has(type)) kept.push(bytes.subarray(at, end))
    if (type === 'IEND') break
    at = end
  }
  const size = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)] as const
  return { format: 'PNG', sizes: [size], orientation, bytes: Buffer.concat(kept) }
}

const jpegHeader = (bytes: Buffer): PictureHeader | undefined => {
  const sizes: [number, number][] = []
  let orientation = 1
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1] ?? 0
    if (marker === 0xff) {
      at++ // fill bytes
      continue
    }
    if (marker === 0xda) break // the pixels begin
    const end = at + 2 + bytes.readUInt16BE(at + 2)
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame && at + 9 <= bytes.length) sizes.push([bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)])
    if (marker === 0xe1 && has(bytes, at + 4, 'Exif\0\0')) orientation = exifOrientation(bytes.subarray(at + 4, end))
    at = end
  }
  return sizes.length > 0 ? { format: 'JPEG', sizes, orientation, bytes } : undefined
}

const webpHeader = (bytes: Buffer): PictureHeader | undefined => {
  const sizes: [number, number][] = []
  let orientation = 1
  for (let at = 12; at + 8 <= bytes.length;) {
    const type = bytes.subarray(at, at + 4).toString('latin1')
    const length = bytes.readUInt32LE(at + 4)
    const body = bytes.subarray(at + 8, at + 8 + length)
    if (type === 'VP8X' && body.length >= 10) sizes.push([body.readUIntLE(4, 3) + 1, body.readUIntLE(7, 3) + 1])
    if (type === 'ANMF' && body.length >= 12) sizes.push([body.readUIntLE(6, 3) + 1, body.readUIntLE(9, 3) + 1])
    if (type === 'VP8L' && body.length >= 5)
      sizes.push([(body.readUInt32LE(1) & 0x3fff) + 1, ((body.readUInt32LE(1) >>> 14) & 0x3fff) + 1])
    if (type === 'VP8 ' && body.length >= 10) sizes.push([body.readUInt16LE(6) & 0x3fff, body.readUInt16LE(8) & 0x3fff])
    if (type === 'EXIF') orientation = exifOrientation(body)
    at += 8 + length + (length % 2)
  }
  // the decoder would fill up with grey what a file that breaks off does not hold
  const whole = bytes.length >= bytes.readUInt32LE(4) + 8
  return sizes.length > 0
    ? { format: 'WebP', sizes, orientation, bytes: whole ? bytes : bytes.subarray(0, 12) }
    : undefined
}

const gifHeader = (bytes: Buffer): PictureHeader | undefined => {
  if (bytes.length < 13) return undefined
  const sizes: [number, number][] = [[bytes.readUInt16LE(6), bytes.readUInt16LE(8)]]
  const tableAfter = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0)
  let at = 13 + tableAfter(bytes[10] ?? 0)
  while (at < bytes.length && bytes[at] === 0x21) {
    // an extension: its blocks, each with its length before it, up to an empty one
    at += 2
    while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] ?? 0)
    at++
  }
  if (bytes[at] === 0x2c && at + 9 < bytes.length) sizes.push([bytes.readUInt16LE(at + 5), bytes.readUInt16LE(at + 7)])
  return { format: 'GIF', sizes, orientation: 1, bytes }
}

const bmpHeader = (bytes: Buffer): PictureHeader | undefined => {
  if (bytes.length < 26) return undefined
  const old = bytes.readUInt32LE(14) === 12
  const size: [number, number] = old
    ? [bytes.readUInt16LE(18), bytes.readUInt16LE(20)]
    : [bytes.readInt32LE(18), Math.abs(bytes.readInt32LE(22))]
  return { format: 'BMP', sizes: [size], orientation: 1, bytes }
}
