import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { StateDict } from '@digitlab/models'
import { elementTypes, readElements, type ElementType } from './element-types'
import { elementType, field } from './onnx-fields'
import type { Fail } from './pickle'
import { isCount, mostValues, sizeOf } from './shape'
import { quoted, shownShape } from './shown'
import { WeightsError } from './weights-error'

const readable = new Map<number, ElementType>([
  [elementType.float32, elementTypes.float32],
  [elementType.float64, elementTypes.float64],
  [elementType.float16, elementTypes.float16],
  [elementType.bfloat16, elementTypes.bfloat16],
])

/** What a message holds: for each field number its values in their order, numbers or bytes. */
type Fields = ReadonlyMap<number, readonly (number | Uint8Array)[]>

/**
 * Reads the weights of an ONNX file: its graph's initializers by name, as float32. The graph itself is not looked at.
 *
 * @param name how to call the file in an error
 * @throws WeightsError where the file is cut off, damaged or hostile, or keeps its values in another file
 */
export const readOnnx = (
  bytes: Uint8Array,
  name = 'the file',
): { weights: StateDict; metadata: ReadonlyMap<string, string> } => {
  const fail: Fail = (sentence, cause) => {
    throw new WeightsError(
      `${name} is no sound ONNX file: ${sentence}; get or write it again`,
      cause === undefined ? {} : { cause },
    )
  }
  const model = fieldsOf(bytes, fail)
  const graphs = bytesOf(model, field.model.graph)
  const [graph, ...more] = graphs
  if (!graph || more.length > 0) return fail(`expected one graph, found ${graphs.length}`)
  const metadata = new Map(
    bytesOf(model, field.model.metadata).map((entry) => {
      const fields = fieldsOf(entry, fail)
      return [textOf(fields, 1, fail), textOf(fields, 2, fail)]
    }),
  )
  const weights: StateDict = new Map()
  let left = mostValues(bytes.length)
  for (const initializer of bytesOf(fieldsOf(graph, fail), field.graph.initializer)) {
    const fields = fieldsOf(initializer, fail)
    const entry = textOf(fields, field.tensor.name, fail)
    if (weights.has(entry)) return fail(`the name ${quoted(entry)} is there twice, expected once`)
    const shape = packed(fields, field.tensor.dims, (reader) => Number(reader.int64()), fail)
    if (!shape.every(isCount)) return fail(`the shape of ${quoted(entry)} is ${shownShape(shape)}`)
    const count = sizeOf(entry, shape)
    left -= count
    if (left < 0)
      return fail(`${quoted(entry)} of shape ${shownShape(shape)} asks for more values than the file may give`)
    weights.set(entry, { shape, data: valuesOf(fields, entry, shape, count, fail) })
  }
  return { weights, metadata }
}

const valuesOf = (fields: Fields, entry: string, shape: readonly number[], count: number, fail: Fail): Float32Array => {
  const code = fields.get(field.tensor.dataType)?.at(-1)
  const type = typeof code === 'number' ? readable.get(code) : undefined
  if (!type)
    return fail(`${quoted(entry)} is of type ${String(code)}, expected one of ${[...readable.keys()].join(', ')}`)
  if (fields.has(field.tensor.externalData) || (fields.get(field.tensor.dataLocation)?.at(-1) ?? 0) !== 0)
    return fail(`${quoted(entry)} lies in another file, which is not read`)
  const raw = bytesOf(fields, field.tensor.rawData).at(-1)
  const mismatch = (found: string) =>
    fail(`${quoted(entry)} of shape ${shownShape(shape)} takes ${count * type.size} bytes, found ${found}`)
  if (raw) {
    if (raw.length !== count * type.size) return mismatch(`${raw.length}`)
    return readElements(type, new DataView(raw.buffer, raw.byteOffset, raw.byteLength), 0, count)
  }
  const number = code === elementType.float64 ? field.tensor.doubleData : field.tensor.floatData
  if (code !== elementType.float32 && code !== elementType.float64) return mismatch('no raw data')
  const read = (reader: BinaryReader) => (code === elementType.float64 ? reader.double() : reader.float())
  const values = packed(fields, number, read, fail)
  return values.length === count ? Float32Array.from(values) : mismatch(`${values.length} values`)
}

/** Reads one message, without looking into those that it holds. */
const fieldsOf = (bytes: Uint8Array, fail: Fail): Fields => {
  const fields = new Map<number, (number | Uint8Array)[]>()
  const put = (number: number, value: number | Uint8Array) => {
    const values = fields.get(number)
    if (values) values.push(value)
    else fields.set(number, [value])
  }
  try {
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag()
      if (wireType === WireType.Varint) put(number, Number(reader.int64()))
      else if (wireType === WireType.LengthDelimited) put(number, reader.bytes())
      else if (wireType === WireType.Bit32) put(number, reader.float())
      else if (wireType === WireType.Bit64) put(number, reader.double())
      else return fail(`a field in it has the wire type ${wireType}`)
    }
    if (reader.pos !== bytes.length) return fail(`a message in it ends at byte ${reader.pos}, expected ${bytes.length}`)
  } catch (cause) {
    if (cause instanceof WeightsError) throw cause
    return fail(`it is cut off or damaged (${(cause as Error).message})`, cause)
  }
  return fields
}

const bytesOf = (fields: Fields, number: number): Uint8Array[] =>
  (fields.get(number) ?? []).filter((value) => value instanceof Uint8Array)

const textOf = (fields: Fields, number: number, fail: Fail): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(fields, number).at(-1))
  } catch (cause) {
    return fail('a name in it is no UTF-8', cause)
  }
}

/** A repeated number: packed into bytes, or each a field of its own. */
const packed = (fields: Fields, number: number, read: (reader: BinaryReader) => number, fail: Fail): number[] =>
  (fields.get(number) ?? []).flatMap((value) => {
    if (typeof value === 'number') return [value]
    const reader = new BinaryReader(value)
    const values: number[] = []
    try {
      while (reader.pos < reader.len) values.push(read(reader))
    } catch (cause) {
      return fail(`a list of numbers in it is cut off (${(cause as Error).message})`, cause)
    }
    return values
  })
