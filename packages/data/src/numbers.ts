// Numbers as files store them: each type's size, the array that holds its elements, and how one is read from a place.

/** Elements in row-major order; integers of 64 bits as numbers. */
export type NumericData =
  // whole numbers
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  // others, and integers of 64 bits
  | Float32Array
  | Float64Array

type ReadOne = (view: DataView, at: number, littleEndian: boolean) => number

interface NumberType {
  readonly size: number
  readonly array: new (...of: [count: number] | [ArrayBuffer, number, number]) => NumericData
  /** Undefined where a byte is an element. */
  readonly read?: ReadOne
}

export const numberTypes = {
  bool: { size: 1, array: Uint8Array },
  uint8: { size: 1, array: Uint8Array },
  int8: { size: 1, array: Int8Array },
  uint16: { size: 2, array: Uint16Array, read: (view, at, le) => view.getUint16(at, le) },
  int16: { size: 2, array: Int16Array, read: (view, at, le) => view.getInt16(at, le) },
  uint32: { size: 4, array: Uint32Array, read: (view, at, le) => view.getUint32(at, le) },
  int32: { size: 4, array: Int32Array, read: (view, at, le) => view.getInt32(at, le) },
  uint64: { size: 8, array: Float64Array, read: (view, at, le) => Number(view.getBigUint64(at, le)) },
  int64: { size: 8, array: Float64Array, read: (view, at, le) => Number(view.getBigInt64(at, le)) },
  float32: { size: 4, array: Float32Array, read: (view, at, le) => view.getFloat32(at, le) },
  float64: { size: 8, array: Float64Array, read: (view, at, le) => view.getFloat64(at, le) },
} as const satisfies Record<string, NumberType>

/** 'uint8', 'int64', 'float32', 'bool' */
export type NumberTypeName = keyof typeof numberTypes

/** Elements of a type from their bytes; of 8-bit types a view of them, without a copy. */
export const numbersFrom = (type: NumberTypeName, bytes: Uint8Array, littleEndian = true): NumericData => {
  const { size, array, read }: NumberType = numberTypes[type]
  const count = Math.floor(bytes.length / size)
  if (!read) return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const data = new array(count)
  for (let i = 0; i < count; i++) data[i] = read(view, i * size, littleEndian)
  return data
}

/** Bytes that an array of a shape takes; undefined if they are past 2^53. */
export const bytesOfShape = (type: NumberTypeName, shape: readonly number[]): number | undefined => {
  const asked = shape.reduce((product, size) => product * Math.max(size, 1), numberTypes[type].size)
  if (!Number.isSafeInteger(asked)) return undefined
  return shape.includes(0) ? 0 : asked
}
