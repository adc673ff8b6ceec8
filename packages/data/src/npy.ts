// NumPy's arrays: .npy, one array, and .npz, a zip archive of them.
//
// Source: numpy.lib.format, versions 1.0 to 3.0.
import { DataError } from './data-error'
import type { ArrayFile } from './array-formats'
import { bytesOfShape, numbersFrom, numberTypes, type NumberTypeName, type NumericData } from './numbers'
import { shownName, shownShape } from './shown'
import type { StoredArray } from './stored-array'
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
  readonly type: NumberTypeName
  readonly littleEndian: boolean
  readonly shape: readonly number[]
  readonly start: number
  readonly count: number
}

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
 * @throws DataError if it is cut off, too long or hostile, holds Python's objects or records, or is in Fortran's order
 */
export const readNpy = (bytes: Uint8Array, name = 'the file'): NumpyArray => {
  const header = headerOf(bytes, name)
  const { type, shape, start, count, littleEndian } = header
  const expected = start + count * numberTypes[type].size
  if (bytes.length !== expected)
    throw new DataError(
      `expected ${expected} bytes for ${type} ${shownShape(shape)}, ${name} holds ${bytes.length}: it was cut off or changed, get it again`,
    )
  return { type, shape, data: numbersFrom(type, bytes.subarray(start), littleEndian) }
}

const headerOf = (bytes: Uint8Array, name: string): Header => {
  const fail = (sentence: string): never => {
    throw new DataError(`${name} is not a readable NumPy array: ${sentence}`)
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
  if (!Object.hasOwn(numberTypes, type)) return fail(`its type is ${said}; write it as uint8, or labels as int64`)
  const shape = sizes
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map(Number)
  const known = type as NumberTypeName // as was seen
  const asked = bytesOfShape(known, shape)
  if (asked === undefined) return fail(`its sizes ${shownShape(shape)} multiply past 2^53 bytes`)
  const count = asked / numberTypes[known].size
  return { type: known, shape, start, count, littleEndian: byteOrder !== '>' }
}

/** Where a header ends, by the first 12 bytes of a file; no further than one may be long. */
const headerBytesOf = (start: Uint8Array): number => {
  if (start.length < 12) return start.length
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  return Math.min(start[6] === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true), longestHeader + 12)
}

/** The array in a .npy file. */
export const arraysInNpy = async ({ name, read }: ArrayFile): Promise<readonly StoredArray[]> => {
  const bytes = await read()
  const { type, shape } = headerOf(bytes, name)
  return [{ name, type, shape, read: async () => readNpy(bytes, name).data }]
}

/** The arrays in a .npz file; their elements are unpacked when they are asked for, one after another. */
export const arraysInNpz = async ({ name, read }: ArrayFile): Promise<readonly StoredArray[]> => {
  const bytes = await read()
  const arrays: StoredArray[] = []
  const entries = zipEntries(bytes, name).filter((entry) => entry.name.endsWith('.npy'))
  if (entries.length > mostArrays)
    throw new DataError(
      `expected at most ${mostArrays} arrays, ${name} has ${entries.length}: give an archive of one data set`,
    )
  for (const entry of entries) {
    const key = entry.name.slice(0, -4)
    const called = `${name}: ${shownName(key)}`
    const { type, shape, start, count } = headerOf(entry.beginning(headerBytesOf(entry.beginning(12))), called)
    if (start + count * numberTypes[type].size !== entry.bytes)
      throw new DataError(
        `expected ${start + count * numberTypes[type].size} bytes for ${type} ${shownShape(shape)}, ${called} has ${entry.bytes}: get the file again`,
      )
    arrays.push({ name: `${name}: ${key}`, type, shape, read: async () => readNpy(entry.read(), called).data })
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
      arrays.set(key, readNpy(entry.read(), `${name}: ${shownName(key)}`))
    }
  return arrays
}
