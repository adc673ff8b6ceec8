import { foreignContent } from './foreign'
import { sentence } from './sentence'

// Indices stay inside an element, whose size divides the length: each `!` is in range.

/** Bytes that are not an IDX file, or values that cannot be written as one. */
export class IdxError extends Error {
  readonly mendable = true
  override name = 'IdxError'

  constructor(message: string, options?: ErrorOptions) {
    super(sentence(message), options)
  }
}

/** The element types of the format, by name: code in the third byte, bytes an element, and the array that holds them. */
export const idxTypes: {
  readonly uint8: { readonly code: 0x08; readonly size: 1; readonly array: Uint8ArrayConstructor }
  readonly int8: { readonly code: 0x09; readonly size: 1; readonly array: Int8ArrayConstructor }
  readonly int16: { readonly code: 0x0b; readonly size: 2; readonly array: Int16ArrayConstructor }
  readonly int32: { readonly code: 0x0c; readonly size: 4; readonly array: Int32ArrayConstructor }
  readonly float32: { readonly code: 0x0d; readonly size: 4; readonly array: Float32ArrayConstructor }
  readonly float64: { readonly code: 0x0e; readonly size: 8; readonly array: Float64ArrayConstructor }
} = {
  uint8: { code: 0x08, size: 1, array: Uint8Array },
  int8: { code: 0x09, size: 1, array: Int8Array },
  int16: { code: 0x0b, size: 2, array: Int16Array },
  int32: { code: 0x0c, size: 4, array: Int32Array },
  float32: { code: 0x0d, size: 4, array: Float32Array },
  float64: { code: 0x0e, size: 8, array: Float64Array },
}

/** An element type by its name in {@link idxTypes}. */
export type IdxType = keyof typeof idxTypes

/** The elements of an array, in the machine's own byte order. */
export type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array

/** The typed array that holds elements of a type. */
export interface IdxArrays {
  readonly uint8: Uint8Array
  readonly int8: Int8Array
  readonly int16: Int16Array
  readonly int32: Int32Array
  readonly float32: Float32Array
  readonly float64: Float64Array
}

/** The content of an IDX file: `data` in row-major order, one element for each place of `shape`; [] is a single value. */
export type IdxArray = {
  [T in IdxType]: { readonly type: T; readonly shape: readonly number[]; readonly data: IdxArrays[T] }
}[IdxType]

export interface IdxHeader {
  readonly type: IdxType
  readonly shape: readonly number[]
  /** Length of the header itself, in bytes. */
  readonly headerBytes: number
  /** Length of the data after it, in bytes. */
  readonly dataBytes: number
}

/** How a file is called in errors. */
export const called = (name: string | undefined): string => (name === undefined ? '' : ` (${name})`)

/** More sizes than an array has whose sizes anybody reads; a header may have 255. */
const mostShown = 8

/** A shape in errors: [60000, 28, 28]. */
export const shown = (shape: readonly number[]): string => {
  const more = shape.length - mostShown
  return `[${shape.slice(0, mostShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}]`
}

/**
 * Reads the header: two zero bytes, the type's code, the rank, and each size as a big-endian uint32.
 *
 * @returns undefined if `bytes` ends before the header does
 * @throws IdxError if it is not IDX, or its sizes multiply past what a number can hold
 */
export const parseHeader = (bytes: Uint8Array, name?: string): IdxHeader | undefined => {
  const [first, second, code, rank] = bytes
  const head = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  if ((first ?? 0) !== 0 || (second ?? 0) !== 0) {
    const { what, remedy } = foreignContent(bytes) ?? { what: head, remedy: 'is it another file?' }
    throw new IdxError(`expected an IDX file, which starts with 00 00, found ${what}${called(name)}: ${remedy}`)
  }
  if (code === undefined || rank === undefined) return undefined
  const found = (Object.keys(idxTypes) as IdxType[]).find((type) => idxTypes[type].code === code)
  if (!found)
    throw new IdxError(
      `expected an IDX type (08, 09, 0b, 0c, 0d or 0e) in the third byte, found ${head}${called(name)}: is it another file?`,
    )
  const headerBytes = 4 + 4 * rank
  if (bytes.length < headerBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  return { type: found, shape, headerBytes, dataBytes: bytesFor(found, shape, name) }
}

/** Bytes that an array of a shape takes; refuses what a number can't count, whatever zeros there may be among the sizes. */
export const bytesFor = (type: IdxType, shape: readonly number[], name?: string): number => {
  const bytes = shape.reduce((product, size) => product * Math.max(size, 1), idxTypes[type].size)
  if (!Number.isSafeInteger(bytes))
    throw new IdxError(
      `the sizes ${shown(shape)} of ${type} multiply past 2^53 bytes${called(name)}: the file is damaged or hostile`,
    )
  return shape.includes(0) ? 0 : bytes
}

/**
 * Turns the big-endian bytes of elements into the array for their type. uint8 and int8 share the memory of `bytes`; the
 * others are copied, since a typed array is in the machine's own byte order.
 */
export const decodeElements = (type: IdxType, bytes: Uint8Array): IdxData =>
  decodeInPlace(type, idxTypes[type].size === 1 ? bytes : new Uint8Array(bytes))

/** The same in the memory of `bytes`, which is the caller's to change and begins at a multiple of the element's size. */
export const decodeInPlace = (type: IdxType, bytes: Uint8Array): IdxData => {
  const { size, array } = idxTypes[type]
  swapBytes(bytes, size)
  return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / size)
}

/** The inverse of {@link decodeElements}, into `target`. */
export const encodeElements = (type: IdxType, data: IdxData, target: Uint8Array): void => {
  target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  swapBytes(target, idxTypes[type].size)
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Between big-endian and the machine's own order. As bytes: a float that passes through a number may lose a NaN's payload. */
const swapBytes = (bytes: Uint8Array, size: number): void => {
  if (!littleEndian || size === 1) return
  for (let first = 0; first < bytes.length; first += size)
    for (let i = first, j = first + size - 1; i < j; i++, j--) {
      const byte = bytes[i]!
      bytes[i] = bytes[j]!
      bytes[j] = byte
    }
}
