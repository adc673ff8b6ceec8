// PNG pictures, bounded: nothing is inflated past what the header announces. A data set has 70,000 of them, and they are small: what
// a decoder in WebAssembly takes for one is many times what its pixels take.
//
// Source: W3C, Portable Network Graphics (PNG) Specification, third edition.
import { inflateSync } from 'fflate/browser'
import { DataError } from './data-error'
import type { Pixels } from './picture-pixels'

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

export const isPng = (bytes: Uint8Array): boolean => signature.every((byte, i) => bytes[i] === byte)

/** Values of a pixel by the colour type: grey, colour, palette, grey and opacity, colour and opacity. */
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

const longestSide = 4096

/**
 * The pixels of a PNG: one value each where it is grey, three where it has colours; opacity is left out, 16 bits are cut to 8.
 *
 * @returns undefined if it is interlaced
 * @throws DataError if it is damaged, cut off, or larger than 4096 pixels a side
 */
export const decodePng = (bytes: Uint8Array, name: string): Pixels | undefined => {
  const fail = (sentence: string): never => {
    throw new DataError(`${name} is not a readable PNG picture: ${sentence}`)
  }
  const damaged = (what: string): never => fail(`${what}; get or write it again`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 33 || !isPng(bytes) || view.getUint32(12) !== 0x49484452) return damaged('it is cut off')
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  const [depth, colour, interlaced] = [bytes[24] ?? 0, bytes[25] ?? 0, bytes[28]]
  const samples = samplesOf[colour]
  if (width < 1 || height < 1 || width > longestSide || height > longestSide)
    return fail(`it is ${width} x ${height}, expected 1 to ${longestSide} pixels a side; give a smaller one`)
  if (samples === undefined || ![1, 2, 4, 8, 16].includes(depth))
    return damaged(`its pixels have type ${colour} and ${depth} bits`)
  if (interlaced === 1) return undefined
  const packed: Uint8Array[] = []
  let palette: Uint8Array | undefined
  for (let at = 33; ;) {
    if (at + 12 > bytes.length) return damaged('it is cut off')
    const end = at + 8 + view.getUint32(at)
    const type = view.getUint32(at + 4)
    if (end + 4 > bytes.length) return damaged('it is cut off')
    if (type === 0x49444154) packed.push(bytes.subarray(at + 8, end))
    if (type === 0x504c5445) palette = bytes.subarray(at + 8, end)
    if (type === 0x49454e44) break
    at = end + 4
  }
  if (colour === 3 && !palette) return damaged('its palette is missing')
  const stride = Math.ceil((width * samples * depth) / 8)
  const rows = inflated(packed, height * (1 + stride))
  if (!rows) return damaged(`its pixels are damaged, or not the ${width} x ${height} that it announces`)
  if (!unfilter(rows, height, stride, Math.max(1, (samples * depth) >> 3))) return damaged('its pixels are damaged')
  const values = valuesOf(rows, { width, height, samples, depth, stride })
  if (palette) return { ...throughPalette(values, palette), width, height }
  return { ...withoutOpacity(values, samples, depth), width, height }
}

/** What a stream of pixels may take beyond twice their bytes: no encoder makes them longer by more than its frame. */
const spare = 1 << 16

/**
 * The content of a zlib stream: its two bytes of header are known, its checksum is left to who fetched the file.
 *
 * @returns undefined if it is damaged, or another length than `length`
 */
const inflated = (packed: readonly Uint8Array[], length: number): Uint8Array | undefined => {
  const [only, ...more] = packed
  const whole = more.length === 0 && only ? only : joined(packed)
  if (whole.length < 6 || length > whole.length * 1032 || whole.length > 2 * length + spare) return undefined
  try {
    // What does not fit is dropped, so that one byte more tells whether there is more.
    const rows = inflateSync(whole.subarray(2), { out: new Uint8Array(length + 1) })
    return rows.length === length ? rows : undefined
  } catch {
    return undefined
  }
}

const joined = (pieces: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** Undoes the filter of each row, in place. Indices run within the rows: each `!` is in range. */
const unfilter = (rows: Uint8Array, height: number, stride: number, step: number): boolean => {
  for (let y = 0; y < height; y++) {
    const start = y * (1 + stride) + 1
    const filter = rows[start - 1]!
    if (filter > 4) return false
    const above = start - 1 - stride
    for (let x = 0; x < stride; x++) {
      const left = x >= step ? rows[start + x - step]! : 0
      const up = y > 0 ? rows[above + x]! : 0
      const corner = y > 0 && x >= step ? rows[above + x - step]! : 0
      rows[start + x]! += predicted(filter, left, up, corner)
    }
  }
  return true
}

const predicted = (filter: number, left: number, up: number, corner: number): number => {
  switch (filter) {
    case 1:
      return left
    case 2:
      return up
    case 3:
      return (left + up) >> 1
    case 4: {
      const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)]
      return a <= b && a <= c ? left : b <= c ? up : corner
    }
    default:
      return 0
  }
}

interface Layout {
  readonly width: number
  readonly height: number
  readonly samples: number
  readonly depth: number
  readonly stride: number
}

/** One value for each sample; of 16 bits the upper eight, of fewer than eight the bits as they are. */
const valuesOf = (rows: Uint8Array, { width, height, samples, depth, stride }: Layout): Uint8Array => {
  const across = width * samples
  const values = new Uint8Array(height * across)
  for (let y = 0; y < height; y++) {
    const start = y * (1 + stride) + 1
    for (let x = 0; x < across; x++) {
      const bit = x * depth
      const byte = rows[start + (bit >> 3)] ?? 0
      values[y * across + x] = depth >= 8 ? byte : (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1)
    }
  }
  return values
}

const throughPalette = (values: Uint8Array, palette: Uint8Array): Pick<Pixels, 'data' | 'channels'> => {
  const data = new Uint8Array(3 * values.length)
  values.forEach((index, i) => {
    for (let c = 0; c < 3; c++) data[3 * i + c] = palette[3 * index + c] ?? 0
  })
  return { data, channels: 3 }
}

const withoutOpacity = (values: Uint8Array, samples: number, depth: number): Pick<Pixels, 'data' | 'channels'> => {
  const channels = samples < 3 ? 1 : 3
  const scale = depth < 8 ? 255 / ((1 << depth) - 1) : 1
  if (samples === channels && scale === 1) return { data: values, channels }
  const data = new Uint8Array((values.length / samples) * channels)
  for (let i = 0; i < data.length; i++)
    data[i] = scale * (values[Math.floor(i / channels) * samples + (i % channels)] ?? 0)
  return { data, channels }
}
