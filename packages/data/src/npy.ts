// NumPy's arrays: .npy, one array, and .npz, a zip archive of them.
//
// Source: numpy.lib.format, versions 1.0 to 3.0.
import { DataError } from './data-error'
import type { ArrayFile } from './array-formats'
import type { NumericData, StoredArray } from './stored-array'
import { zipEntries } from './zip'

/** An array as NumPy writes it. */
export interface NumpyArray {
  /** 'uint8', 'int64', 'float32', 'bool'; integers of 64 bits become numbers */
  readonly type: string
  readonly shape: readonly number[]
  /** In row-major order. */
  readonly data: NumericData
}

interface Header {
  readonly type: keyof typeof readers
  readonly littleEndian: boolean
  readonly shape: readonly number[]
  readonly start: number
  readonly count: number
}

/** An element of each type: its bytes, the array that holds it, and how it is read from a place. */
const readers = {
  bool: { size: 1, array: Uint8Array, read: undefined },
  uint8: { size: 1, array: Uint8Array, read: undefined },
  int8: { size: 1, array: Int8Array, read: undefined },
  uint16: { size: 2, array: Uint16Array, read: (view: DataView, at: number, le: boolean) => view.getUint16(at, le) },
  int16: { size: 2, array: Int16Array, read: (view: DataView, at: number, le: boolean) => view.getInt16(at, le) },
  uint32: { size: 4, array: Uint32Array, read: (view: DataView, at: number, le: boolean) => view.getUint32(at, le) },
  int32: { size: 4, array: Int32Array, read: (view: DataView, at: number, le: boolean) => view.getInt32(at, le) },
  uint64: {
    size: 8,
    array: Float64Array,
    read: (view: DataView, at: number, le: boolean) => Number(view.getBigUint64(at, le)),
  },
  int64: {
    size: 8,
    array: Float64Array,
    read: (view: DataView, at: number, le: boolean) => Number(view.getBigInt64(at, le)),
  },
  float32: { size: 4, array: Float32Array, read: (view: DataView, at: number, le: boolean) => view.getFloat32(at, le) },
  float64: { size: 8, array: Float64Array, read: (view: DataView, at: number, le: boolean) => view.getFloat64(at, le) },
} as const

/** NumPy's letter for each kind of number. */
const kinds: Readonly<Record<string, string>> = { u: 'uint', i: 'int', f: 'float', b: 'bool' }

/** A header longer than this is nobody's: it names a type and a shape. */
const longestHeader = 65_536

/** A data set is four arrays, perhaps among some others. */
const mostArrays = 1000

/**
 * Reads a .npy file. Of 8-bit types `data` is a view of `bytes`, without a copy.
 *
 * @param name the file's name in errors
 * @throws DataError where it is cut off, too long or hostile, holds Python's objects or records, or is in Fortran's order
 */
export const readNpy = (bytes: Uint8Array, name = 'the file'): NumpyArray => {
  const header = headerOf(bytes, name)
  const { type, shape, start, count, littleEndian } = header
  const { size, array, read } = readers[type]
  const expected = start + count * size
  if (bytes.length !== expected)
    throw new DataError(
      `expected ${expected} bytes for ${type} [${shape.join(', ')}], ${name} holds ${bytes.length}: it was cut off or changed, get it again`,
    )
  if (!read) return { type, shape, data: new array(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, count) }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start)
  const data = new array(count)
  for (let i = 0; i < count; i++) data[i] = read(view, i * size, littleEndian)
  return { type, shape, data }
}

const headerOf = (bytes: Uint8Array, name: string): Header => {
  const fail = (sentence: string): never => {
    throw new DataError(`${name} is no NumPy array that can be read: ${sentence}`)
  }
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) fail('it does not begin as one; get it again')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const major = view.getUint8(6)
  if (major < 1 || major > 3) fail(`its version is ${major}, expected 1 to 3; write it with numpy.save`)
  const [lengthAt, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)]
  const start = lengthAt + length
  if (length > longestHeader || start > bytes.length)
    fail(`its header ends at byte ${start}, the file at ${bytes.length}; get it again`)
  const text = new TextDecoder().decode(bytes.subarray(lengthAt, start))
  const field = (key: string, value: string) => new RegExp(`'${key}'\\s*:\\s*${value}\\s*[,}]`).exec(text)?.[1]
  const order = field('fortran_order', '(True|False)')
  const sizes = field('shape', '\\(([\\d\\s,]*)\\)')
  const said = field('descr', `'([^']{1,16})'`)
  if (order === undefined || sizes === undefined) return fail('its header is damaged; get it again')
  if (said === undefined || /[OV]/.test(said))
    return fail(
      `it holds ${said === undefined ? 'records' : "Python's objects"}; write plain numbers, as array.astype("uint8")`,
    )
  if (order === 'True') fail("its elements are in Fortran's order; write numpy.ascontiguousarray of it")
  const [, byteOrder = '', kind = '', width = ''] = /^([<>|=])([a-zA-Z])(\d+)$/.exec(said) ?? []
  const type = kind === 'b' ? 'bool' : `${kinds[kind] ?? '?'}${8 * Number(width)}`
  if (!Object.hasOwn(readers, type)) return fail(`its type is ${said}; write it as uint8, or labels as int64`)
  const shape = sizes
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map(Number)
  const known = type as keyof typeof readers // as was seen
  const bytesAsked = shape.reduce((product, size) => product * Math.max(size, 1), readers[known].size)
  if (!Number.isSafeInteger(bytesAsked)) fail(`its sizes [${shape.join(', ')}] multiply past 2^53 bytes`)
  const count = shape.includes(0) ? 0 : bytesAsked / readers[known].size
  return { type: known, shape, start, count, littleEndian: byteOrder !== '>' }
}

/** Where a header ends, by the first 12 bytes of a file; no further than one may be long. */
const headerBytesOf = (start: Uint8Array): number => {
  if (start.length < 12) return start.length
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  return Math.min(start[6] === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true), longestHeader + 12)
}

/** The array in a .npy file. */
export const arraysInNpy = async ({ name, bytes }: ArrayFile): Promise<readonly StoredArray[]> => {
  const { type, shape } = headerOf(bytes, name)
  return [{ name, type, shape, read: async () => readNpy(bytes, name).data }]
}

/** The arrays in a .npz file; their elements are unpacked when they are asked for, one after another. */
export const arraysInNpz = async ({ name, bytes }: ArrayFile): Promise<readonly StoredArray[]> => {
  const arrays: StoredArray[] = []
  const entries = zipEntries(bytes, name).filter((entry) => entry.name.endsWith('.npy'))
  if (entries.length > mostArrays)
    throw new DataError(
      `expected at most ${mostArrays} arrays, ${name} has ${entries.length}: give an archive of one data set`,
    )
  for (const entry of entries) {
    const called = `${name}: ${entry.name.slice(0, -4)}`
    const { type, shape, start, count } = headerOf(entry.beginning(headerBytesOf(entry.beginning(12))), called)
    if (start + count * readers[type].size !== entry.bytes)
      throw new DataError(
        `expected ${start + count * readers[type].size} bytes for ${type} [${shape.join(', ')}], ${called} has ${entry.bytes}: get the file again`,
      )
    arrays.push({ name: called, type, shape, read: async () => readNpy(entry.read(), called).data })
  }
  if (arrays.length === 0)
    throw new DataError(`${name} is a zip archive without arrays of NumPy: unpack it, and give what is in it`)
  return arrays
}

/** Reads all arrays of a .npz file by their names. @throws DataError as {@link readNpy}, and where the archive is damaged */
export const readNpz = (bytes: Uint8Array, name = 'the file'): ReadonlyMap<string, NumpyArray> => {
  const arrays = new Map<string, NumpyArray>()
  for (const entry of zipEntries(bytes, name))
    if (entry.name.endsWith('.npy')) {
      const key = entry.name.slice(0, -4)
      arrays.set(key, readNpy(entry.read(), `${name}: ${key}`))
    }
  return arrays
}
