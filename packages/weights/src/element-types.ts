// How elements of other types become float32. As bits: a float that passes through a number may lose the payload of a NaN.

/** An element type that is read: bytes each, and one as the bits of a float32. */
export interface ElementType {
  readonly size: number
  readonly bits: (view: DataView, offset: number, littleEndian: boolean) => number
}

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

/** Kept to the bit, widened without loss, or (float64 and int64) rounded to the nearest float32. */
export const elementTypes = {
  float32: { size: 4, bits: (view, offset, little) => view.getUint32(offset, little) },
  float64: { size: 8, bits: (view, offset, little) => bitsOf(view.getFloat64(offset, little)) },
  float16: { size: 2, bits: (view, offset, little) => bitsOf(float16(view.getUint16(offset, little))) },
  bfloat16: { size: 2, bits: (view, offset, little) => (view.getUint16(offset, little) << 16) >>> 0 },
  int64: { size: 8, bits: (view, offset, little) => bitsOf(Number(view.getBigInt64(offset, little))) },
} as const satisfies Record<string, ElementType>

/** `count` elements that lie one after another from `offset`. */
export const readElements = (
  { size, bits }: ElementType,
  view: DataView,
  offset: number,
  count: number,
  littleEndian = true,
): Float32Array => {
  const data = new Uint32Array(count)
  for (let i = 0; i < count; i++) data[i] = bits(view, offset + size * i, littleEndian)
  return new Float32Array(data.buffer)
}

/** Values as the bytes of little-endian float32, to the bit. */
export const float32Bytes = (data: Float32Array): Uint8Array => {
  const view = new DataView(new ArrayBuffer(4 * data.length))
  new Uint32Array(data.buffer, data.byteOffset, data.length).forEach((word, i) => view.setUint32(4 * i, word, true))
  return new Uint8Array(view.buffer)
}
