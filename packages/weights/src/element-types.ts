// How elements of other types become float32, and how integers are read. As bits: a float that passes through a number may
// lose the payload of a NaN.
import type { StateEntry } from '@digitlab/models'

/** Integers and booleans (0 or 1), each in the array that holds its type. */
export type IntegerArray =
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>

/** Read as float32: bytes each, and one as the bits of a float32. */
export interface FloatType {
  readonly kind: 'float'
  readonly size: number
  readonly bits: (view: DataView, offset: number, littleEndian: boolean) => number
}

/** Read as it is. */
export interface IntegerType {
  readonly kind: 'integer'
  readonly size: number
  readonly of: (buffer: ArrayBuffer) => IntegerArray
}

/** An element type that is read. */
export type ElementType = FloatType | IntegerType

const scratch = new DataView(new ArrayBuffer(4))

const bitsOf = (value: number): number => {
  scratch.setFloat32(0, value)
  return scratch.getUint32(0)
}

/** IEEE 754 binary16. */
const float16 = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/**
 * The 256 values of an 8-bit float with so many bits of fraction.
 *
 * Source: Micikevicius et al., "FP8 formats for deep learning" (2022); the FNUZ ones: ONNX, "Float stored in 8 bits".
 *
 * @param special what the codes that are not plain numbers stand for
 */
const float8 = (fractionBits: number, bias: number, special: (code: number) => number | undefined): FloatType => {
  const values = Uint32Array.from({ length: 256 }, (_, code) => {
    const exponent = (code & 0x7f) >> fractionBits
    const fraction = (code & ((1 << fractionBits) - 1)) / (1 << fractionBits)
    const size = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias)
    return bitsOf(special(code) ?? (code & 0x80 ? -size : size))
  })
  return { kind: 'float', size: 1, bits: (view, offset) => values[view.getUint8(offset)] as number }
}

const integer = (size: number, of: IntegerType['of']): IntegerType => ({ kind: 'integer', size, of })

type FloatName = `float${64 | 32 | 16}` | 'bfloat16' | `float8${'e4m3' | 'e5m2'}${'' | 'fnuz'}`
type IntegerName = `${'' | 'u'}int${8 | 16 | 32 | 64}` | 'bool'

/** Floats are kept to the bit, widened without loss, or (float64) rounded to the nearest float32. */
export const elementTypes: Readonly<Record<FloatName, FloatType> & Record<IntegerName, IntegerType>> = {
  float32: { kind: 'float', size: 4, bits: (view, offset, little) => view.getUint32(offset, little) },
  float64: { kind: 'float', size: 8, bits: (view, offset, little) => bitsOf(view.getFloat64(offset, little)) },
  float16: { kind: 'float', size: 2, bits: (view, offset, little) => bitsOf(float16(view.getUint16(offset, little))) },
  bfloat16: { kind: 'float', size: 2, bits: (view, offset, little) => (view.getUint16(offset, little) << 16) >>> 0 },
  float8e4m3: float8(3, 7, (code) => ((code & 0x7f) === 0x7f ? NaN : undefined)),
  float8e5m2: float8(2, 15, (code) => {
    if ((code & 0x7f) < 0x7c) return undefined
    return (code & 3) === 0 ? (code & 0x80 ? -Infinity : Infinity) : NaN
  }),
  float8e4m3fnuz: float8(3, 8, (code) => (code === 0x80 ? NaN : undefined)),
  float8e5m2fnuz: float8(2, 16, (code) => (code === 0x80 ? NaN : undefined)),
  int8: integer(1, (buffer) => new Int8Array(buffer)),
  uint8: integer(1, (buffer) => new Uint8Array(buffer)),
  int16: integer(2, (buffer) => new Int16Array(buffer)),
  uint16: integer(2, (buffer) => new Uint16Array(buffer)),
  int32: integer(4, (buffer) => new Int32Array(buffer)),
  uint32: integer(4, (buffer) => new Uint32Array(buffer)),
  int64: integer(8, (buffer) => new BigInt64Array(buffer)),
  uint64: integer(8, (buffer) => new BigUint64Array(buffer)),
  bool: integer(1, (buffer) => new Uint8Array(buffer)),
}

const hostIsLittle = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Elements that are read one by one: `put` reads the i-th at an offset, `data` has them all. */
const collector = (type: ElementType, count: number) => {
  if (type.kind === 'float') {
    const words = new Uint32Array(count)
    const put = (i: number, view: DataView, offset: number, little: boolean) => {
      words[i] = type.bits(view, offset, little)
    }
    return { put, data: () => new Float32Array(words.buffer) }
  }
  const { size } = type
  const bytes = new Uint8Array(count * size)
  const put = (i: number, view: DataView, offset: number, little: boolean) => {
    for (let at = 0; at < size; at++)
      bytes[i * size + at] = view.getUint8(offset + (little === hostIsLittle ? at : size - 1 - at))
  }
  return { put, data: () => type.of(bytes.buffer) }
}

/**
 * The elements of a view, row-major.
 *
 * @param offset of its first element, in elements; @param strides in elements, row-major and without gaps by default
 */
export const readElements = (
  type: ElementType,
  bytes: Uint8Array,
  offset: number,
  shape: readonly number[],
  { littleEndian = true, strides }: { readonly littleEndian?: boolean; readonly strides?: readonly number[] } = {},
): Float32Array | IntegerArray => {
  const count = shape.reduce((product, size) => product * size, 1)
  const dense = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
  const steps = strides ?? dense
  const { size } = type
  if (
    littleEndian === hostIsLittle &&
    (type === elementTypes.float32 || type.kind === 'integer') &&
    dense.every((step, axis) => step === steps[axis] || (shape[axis] as number) <= 1)
  ) {
    const { buffer } = new Uint8Array(bytes.subarray(size * offset, size * (offset + count))) // a copy, and aligned
    return type.kind === 'integer' ? type.of(buffer) : new Float32Array(buffer)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { put, data } = collector(type, count)
  const index = shape.map(() => 0)
  let element = offset
  for (let i = 0; i < count; i++) {
    put(i, view, size * element, littleEndian)
    // The next place: the last axis runs fastest, an axis at its end goes back to 0.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [at, stride] = [index[axis] as number, steps[axis] as number]
      if (at + 1 < (shape[axis] as number)) {
        index[axis] = at + 1
        element += stride
        break
      }
      index[axis] = 0
      element -= at * stride
    }
  }
  return data()
}

/** Values as the bytes of little-endian float32, to the bit. */
export const float32Bytes = (data: Float32Array): Uint8Array => {
  const view = new DataView(new ArrayBuffer(4 * data.length))
  new Uint32Array(data.buffer, data.byteOffset, data.length).forEach((word, i) => view.setUint32(4 * i, word, true))
  return new Uint8Array(view.buffer)
}

/** The values of an entry of a state dict as a file has them, little-endian: whole numbers of 64 bits where it counts. */
export const entryBytes = ({ data, dtype }: StateEntry): Uint8Array => {
  if (dtype !== 'int64') return float32Bytes(data)
  const view = new DataView(new ArrayBuffer(8 * data.length))
  data.forEach((value, i) => view.setBigInt64(8 * i, BigInt(value), true))
  return new Uint8Array(view.buffer)
}
