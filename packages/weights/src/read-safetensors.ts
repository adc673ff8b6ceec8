import type { StateDict } from '@digitlab/models'
import type { IntegerEntry, WeightsContents } from './contents'
import { elementTypes, readElements, type ElementType } from './element-types'
import { failing, type Fail, type Failing } from './failing'
import { jsonEntries, NoObject } from './json-entries'
import { isCount, mostAxes, mostEntries, sizeOf } from './shape'
import { quoted, shownShape, shownValue } from './shown'

/** Reading gives up on a header longer than this, as the format's own library does. */
const longestHeader = 100_000_000

/** So many brackets and commas has no entry, and no metadata but of a file that asks for all memory. */
const mostMarks = 400_000

/** Element types by the format's names for them: floats become float32, the others stay. */
const readable: Readonly<Record<string, ElementType>> = {
  F32: elementTypes.float32,
  F64: elementTypes.float64,
  F16: elementTypes.float16,
  BF16: elementTypes.bfloat16,
  F8_E4M3: elementTypes.float8e4m3,
  F8_E5M2: elementTypes.float8e5m2,
  F8_E4M3FNUZ: elementTypes.float8e4m3fnuz,
  F8_E5M2FNUZ: elementTypes.float8e5m2fnuz,
  I8: elementTypes.int8,
  U8: elementTypes.uint8,
  I16: elementTypes.int16,
  U16: elementTypes.uint16,
  I32: elementTypes.int32,
  U32: elementTypes.uint32,
  I64: elementTypes.int64,
  U64: elementTypes.uint64,
  BOOL: elementTypes.bool,
}

/** Bits of what the format knows and this package does not read. */
const unreadable: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F8_E8M0: 8,
  C64: 64,
}

/**
 * Reads a safetensors file. float64, float16, bfloat16 and float8 become float32; integers and booleans are read beside the
 * weights.
 *
 * Source: the format's description at Hugging Face, safetensors 0.6.
 *
 * @param name the file's name in error messages
 * @throws WeightsError if the file is cut off, damaged or hostile, naming entry, expected and found
 */
export const readSafetensors = (bytes: Uint8Array, name = 'the file'): WeightsContents => {
  const failures = failing(name, 'safetensors')
  const { fail, unsupported } = failures
  if (bytes.length < 8) fail(`expected at least 8 bytes, found ${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerBytes = Number(view.getBigUint64(0, true))
  if (headerBytes > longestHeader) fail(`expected a header of at most ${longestHeader} bytes, found ${headerBytes}`)
  if (8 + headerBytes > bytes.length) fail(`its header ends at byte ${8 + headerBytes}, the file at ${bytes.length}`)
  const data = bytes.subarray(8 + headerBytes)

  const metadata = new Map<string, string>()
  const entries: (Place & { name: string })[] = []
  for (const [key, value] of headerOf(bytes.subarray(8, 8 + headerBytes), failures)) {
    if (key !== '__metadata__') {
      if (entries.length === mostEntries) unsupported(`it has more than ${mostEntries} entries`)
      entries.push({ name: key, ...placeOf(key, value, data.length, failures) })
      continue
    }
    if (value === null) continue
    if (!isRecord(value)) return fail(`its __metadata__ is ${shownValue(value)}, expected an object`)
    for (const [word, held] of Object.entries(value)) {
      if (typeof held !== 'string')
        return fail(`its metadata ${quoted(word)} is ${shownValue(held)}, expected a string`)
      metadata.set(word, held)
    }
  }
  // In the order of their data each must start where the one before it ends: no overlap, no hidden bytes.
  let end = 0
  for (const { name: entry, from, to } of [...entries].sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end) fail(`the data of ${quoted(entry)} start at ${from}, expected ${end}`)
    end = to
  }
  if (end !== data.length) fail(`expected ${end} bytes of data, found ${data.length}`)

  const weights: StateDict = new Map()
  const integers = new Map<string, IntegerEntry>()
  for (const { name: entry, dtype, shape, from, to } of entries) {
    const type = readable[dtype]
    if (!type) return unsupported(`${quoted(entry)} is of type ${dtype}, read are ${Object.keys(readable).join(', ')}`)
    const values = readElements(type, data.subarray(from, to), 0, shape)
    if (values instanceof Float32Array) weights.set(entry, { shape, data: values })
    else integers.set(entry, { shape, data: values })
  }
  return { weights, integers, metadata, notes: [] }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Names and values of the header, one parsed after the other. */
function* headerOf(bytes: Uint8Array, { fail, unsupported }: Failing): Generator<[string, unknown]> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    return fail('its header is not JSON: it is not UTF-8', cause)
  }
  const seen = new Set<string>()
  try {
    for (const { key, from, to, marks } of jsonEntries(text)) {
      if (seen.has(key)) return fail(`the name ${quoted(key)} is there twice, expected once`)
      seen.add(key)
      if (marks > mostMarks) return unsupported(`${quoted(key)} in its header has more parts than any entry needs`)
      yield [key, valueOf(text.slice(from, to), fail)]
    }
  } catch (cause) {
    if (cause instanceof NoObject) return fail(`its header is not JSON of an object (${cause.message})`, cause)
    throw cause
  }
}

const valueOf = (json: string, fail: Fail): unknown => {
  try {
    return JSON.parse(json)
  } catch (cause) {
    return fail(`its header is not JSON (${shownValue((cause as Error).message)})`, cause)
  }
}

interface Place {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly from: number
  readonly to: number
}

const placeOf = (name: string, value: unknown, dataBytes: number, { fail, unsupported }: Failing): Place => {
  if (!isRecord(value)) return fail(`the entry ${quoted(name)} is ${shownValue(value)}, expected an object`)
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !(Object.hasOwn(readable, dtype) || Object.hasOwn(unreadable, dtype)))
    return unsupported(
      `${quoted(name)} is of type ${shownValue(dtype)}, expected one of ${Object.keys(readable).join(', ')}`,
    )
  const bits = unreadable[dtype] ?? 8 * (readable[dtype]?.size ?? NaN)
  if (!Array.isArray(shape) || !shape.every(isCount))
    return fail(`the shape of ${quoted(name)} is ${shownValue(shape)}, expected whole numbers from 0 up`)
  if (shape.length > mostAxes)
    return fail(`the shape of ${quoted(name)} has ${shape.length} axes, expected at most ${mostAxes}`)
  const [from, to, ...rest] = Array.isArray(offsets) ? (offsets as unknown[]) : []
  if (!isCount(from) || !isCount(to) || rest.length > 0)
    return fail(`the offsets of ${quoted(name)} are ${shownValue(offsets)}, expected two whole numbers from 0 up`)
  if (from > to || to > dataBytes) return fail(`${quoted(name)} lies at bytes ${from} to ${to} of ${dataBytes}`)
  const bytes = Math.ceil((sizeOf(name, shape) * bits) / 8)
  if (bytes !== to - from)
    return fail(`${quoted(name)} of shape ${shownShape(shape)} takes ${bytes} bytes as ${dtype}, found ${to - from}`)
  return { dtype, shape, from, to }
}
