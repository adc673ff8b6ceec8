// Arrays in a safetensors file: the length of a header, the header as JSON, the elements.
//
// Source: the format's description at Hugging Face, safetensors 0.6.
import type { ArrayFile } from './array-formats'
import { DataError } from './data-error'
import { bytesOfShape, numbersFrom, type NumberTypeName } from './numbers'
import { shownName, shownShape, shownValue } from './shown'
import type { StoredArray } from './stored-array'

const types: Readonly<Record<string, NumberTypeName>> = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  U16: 'uint16',
  I16: 'int16',
  U32: 'uint32',
  I32: 'int32',
  U64: 'uint64',
  I64: 'int64',
  F32: 'float32',
  F64: 'float64',
}

/** A header longer than this is nobody's: it names a few arrays. */
const longestHeader = 1 << 20

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/**
 * The arrays in a safetensors file, `images` and `labels` for example.
 *
 * @throws DataError if it is cut off, damaged or hostile, naming array, expected and found
 */
export const arraysInSafetensors = async ({ name, read }: ArrayFile): Promise<readonly StoredArray[]> => {
  const fail = (sentence: string): never => {
    throw new DataError(`${name} is not a readable safetensors file: ${sentence}`)
  }
  const bytes = await read()
  if (bytes.length < 8) return fail(`it has ${bytes.length} bytes, expected at least 8; get it again`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > longestHeader) return fail(`its header should be ${length} bytes, expected at most ${longestHeader}`)
  if (8 + length > bytes.length)
    return fail(`its header ends at byte ${8 + length}, the file at ${bytes.length}; get it again`)
  const elements = bytes.subarray(8 + length)
  const arrays: StoredArray[] = []
  let total = 0
  for (const [key, value] of Object.entries(headerOf(bytes.subarray(8, 8 + length), fail))) {
    if (key === '__metadata__') continue
    const called = shownName(key)
    const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>
    const type = typeof dtype === 'string' && Object.hasOwn(types, dtype) ? types[dtype] : undefined
    const typeName = typeof dtype === 'string' ? shownName(dtype) : shownValue(dtype)
    if (!type) return fail(`${called} is of type ${typeName}, read are ${Object.keys(types).join(', ')}`)
    if (!Array.isArray(shape) || !shape.every(isCount) || shape.length > 8)
      return fail(`the shape of ${called} is ${shownValue(shape)}, expected at most 8 whole numbers`)
    const sizes: readonly number[] = shape
    const [from, to] = Array.isArray(offsets) ? (offsets as unknown[]) : []
    if (!isCount(from) || !isCount(to) || to < from || to > elements.length)
      return fail(
        `${called} should lie at bytes ${shownValue(from)} to ${shownValue(to)} of ${elements.length}; get it again`,
      )
    const asked = bytesOfShape(type, sizes)
    if (asked !== to - from)
      return fail(
        `${called} of shape ${shownShape(sizes)} takes ${asked ?? 'more than 2^53'} bytes as ${typeName}, found ${to - from}`,
      )
    total += to - from
    if (total > elements.length) return fail('its arrays lie over each other')
    const content = elements.subarray(from, to)
    arrays.push({ name: `${name}: ${key}`, type, shape: sizes, read: async () => numbersFrom(type, content) })
  }
  return arrays
}

const headerOf = (json: Uint8Array, fail: (sentence: string) => never): Record<string, unknown> => {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch (cause) {
    return fail(`its header is not JSON (${(cause as Error).message.slice(0, 80)}); get it again`)
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    return fail('its header is not an object; get it again')
  return header as Record<string, unknown>
}
