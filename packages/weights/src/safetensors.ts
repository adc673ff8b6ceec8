import type { StateDict, StateEntry } from '@digitlab/models'
import { elementTypes, float32Bytes, readElements, type ElementType } from './element-types'
import { checkSizes, isCount, sizeOf } from './shape'
import { quoted, shownShape, shownValue } from './shown'
import { topLevelKeys } from './top-level-keys'
import { WeightsError } from './weights-error'

/** Reading gives up on a header longer than this, as the format's own library does. */
const longestHeader = 100_000_000

/** Element types that are read, all of them as float32. */
const readable: Readonly<Record<string, ElementType>> = {
  F32: elementTypes.float32,
  F64: elementTypes.float64,
  F16: elementTypes.float16,
  BF16: elementTypes.bfloat16,
}

/**
 * Writes a state dict as a safetensors file: the length of the header, the header as JSON (padded with spaces so that the
 * data start at a multiple of 8), the values of each entry in the order of the Map. The same input gives the same bytes.
 *
 * Source: the format's description at Hugging Face, safetensors 0.4.
 *
 * @param metadata kept as `__metadata__`, strings by name
 * @throws WeightsError where an entry's values are not as many as its shape has places
 */
export const writeSafetensors = (weights: StateDict, metadata: Readonly<Record<string, string>> = {}): Uint8Array => {
  checkSizes(weights)
  // The header is put together by hand: an object would move names that look like numbers to the front.
  const parts = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : []
  let offset = 0
  for (const [name, { shape, data }] of weights) {
    if (name === '__metadata__')
      throw new WeightsError('an entry can not be called "__metadata__", which the format keeps for itself: rename it')
    const entry = { dtype: 'F32', shape, data_offsets: [offset, offset + 4 * data.length] }
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
    offset += 4 * data.length
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`)
  const headerBytes = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(8 + headerBytes + offset)
  bytes.fill(0x20, 8, 8 + headerBytes)
  bytes.set(json, 8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true)
  let at = 8 + headerBytes
  for (const { data } of weights.values()) {
    bytes.set(float32Bytes(data), at)
    at += 4 * data.length
  }
  return bytes
}

/**
 * Reads a safetensors file. float64, float16 and bfloat16 become float32.
 *
 * @param name how to call the file in an error
 * @throws WeightsError where the file is cut off, damaged or hostile, naming entry, expected and found
 */
export const readSafetensors = (
  bytes: Uint8Array,
  name = 'the file',
): { weights: StateDict; metadata: ReadonlyMap<string, string> } => {
  const fail: Fail = (sentence, cause) => {
    throw new WeightsError(
      `${name} is no sound safetensors file: ${sentence}; get or write it again`,
      cause === undefined ? {} : { cause },
    )
  }
  if (bytes.length < 8) fail(`expected at least 8 bytes, found ${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerBytes = Number(view.getBigUint64(0, true))
  if (headerBytes > longestHeader) fail(`expected a header of at most ${longestHeader} bytes, found ${headerBytes}`)
  if (8 + headerBytes > bytes.length) fail(`its header ends at byte ${8 + headerBytes}, the file at ${bytes.length}`)
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), fail)
  const dataBytes = bytes.length - 8 - headerBytes

  const metadata = new Map<string, string>()
  const entries: (Place & { name: string })[] = []
  for (const [key, value] of header) {
    if (key !== '__metadata__') entries.push({ name: key, ...placeOf(key, value, dataBytes, fail) })
    else if (!isRecord(value)) fail(`its __metadata__ is ${shownValue(value)}, expected an object`)
    else
      for (const [word, held] of Object.entries(value)) {
        if (typeof held !== 'string') fail(`its metadata ${quoted(word)} is ${shownValue(held)}, expected a string`)
        metadata.set(word, held)
      }
  }
  // In the order of their data each must start where the one before it ends: no overlap, no hidden bytes.
  let end = 0
  for (const { name: entry, from, to } of [...entries].sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end) fail(`the data of ${quoted(entry)} start at ${from}, expected ${end}`)
    end = to
  }
  if (end !== dataBytes) fail(`expected ${end} bytes of data, found ${dataBytes}`)

  const weights: StateDict = new Map()
  for (const { name: entry, dtype, shape, from, count } of entries) {
    const type = readable[dtype] as ElementType // placeOf saw it
    const data = readElements(type, view, 8 + headerBytes + from, count)
    weights.set(entry, { shape, data } satisfies StateEntry)
  }
  return { weights, metadata }
}

type Fail = (sentence: string, cause?: unknown) => never

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const parseHeader = (bytes: Uint8Array, fail: Fail): [string, unknown][] => {
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    header = JSON.parse(text)
  } catch (cause) {
    return fail(`its header is not JSON (${shownValue((cause as Error).message)})`, cause)
  }
  if (!isRecord(header)) return fail(`its header is ${shownValue(header)}, expected an object`)
  const keys = topLevelKeys(text)
  const seen = new Set<string>()
  for (const key of keys) {
    if (seen.has(key)) return fail(`the name ${quoted(key)} is there twice, expected once`)
    seen.add(key)
  }
  return keys.map((key) => [key, header[key]])
}

interface Place {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly from: number
  readonly to: number
  readonly count: number
}

const placeOf = (name: string, value: unknown, dataBytes: number, fail: Fail): Place => {
  if (!isRecord(value)) return fail(`the entry ${quoted(name)} is ${shownValue(value)}, expected an object`)
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !Object.hasOwn(readable, dtype))
    return fail(`${quoted(name)} is of type ${shownValue(dtype)}, expected one of ${Object.keys(readable).join(', ')}`)
  if (!Array.isArray(shape) || !shape.every(isCount))
    return fail(`the shape of ${quoted(name)} is ${shownValue(shape)}, expected whole numbers from 0 up`)
  const [from, to, ...rest] = Array.isArray(offsets) ? (offsets as unknown[]) : []
  if (!isCount(from) || !isCount(to) || rest.length > 0)
    return fail(`the offsets of ${quoted(name)} are ${shownValue(offsets)}, expected two whole numbers from 0 up`)
  if (from > to || to > dataBytes) return fail(`${quoted(name)} lies at bytes ${from} to ${to} of ${dataBytes}`)
  const count = sizeOf(name, shape)
  const bytes = count * (readable[dtype]?.size ?? NaN)
  if (bytes !== to - from)
    return fail(`${quoted(name)} of shape ${shownShape(shape)} takes ${bytes} bytes as ${dtype}, found ${to - from}`)
  return { dtype, shape, from, to, count }
}
