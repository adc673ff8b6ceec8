// The tensors of an ONNX file: where their values lie, and the values.
import type { BinaryReader } from '@bufbuild/protobuf/wire'
import { elementTypes, readElements, type ElementType, type IntegerArray } from './element-types'
import { elementType, field } from './onnx-fields'
import { double, float, int64, Message, type Reading } from './onnx-message'
import { isCount, mostAxes, sizeOf } from './shape'
import { quoted, shownShape } from './shown'

const types = new Map<number, ElementType>([
  [elementType.float32, elementTypes.float32],
  [elementType.float64, elementTypes.float64],
  [elementType.float16, elementTypes.float16],
  [elementType.bfloat16, elementTypes.bfloat16],
  [elementType.uint8, elementTypes.uint8],
  [elementType.int8, elementTypes.int8],
  [elementType.int32, elementTypes.int32],
  [elementType.int64, elementTypes.int64],
  [elementType.bool, elementTypes.bool],
  [17, elementTypes.float8e4m3],
  [18, elementTypes.float8e4m3fnuz],
  [19, elementTypes.float8e5m2],
  [20, elementTypes.float8e5m2fnuz],
])

/**
 * Bytes of a file beside the model's.
 *
 * @param location its name, as the model says it: relative, and never out of the model's own folder
 * @param from where they start; @param length how many, all of which must be there
 */
export type ReadExternal = (location: string, from: number, length: number) => Uint8Array

/** A tensor whose values have not been looked at yet. */
export class OnnxTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly #message: Message

  constructor(
    bytes: Uint8Array,
    private readonly reading: Reading,
    private readonly external: ReadExternal | undefined,
  ) {
    this.#message = new Message(bytes, field.tensor, reading)
    this.name = this.#message.text(field.tensor.name)
    this.shape = this.#message.numbers(field.tensor.dims, int64, mostAxes)
    if (!this.shape.every(isCount)) reading.fail(`the shape of ${quoted(this.name)} is ${shownShape(this.shape)}`)
  }

  get #code(): number {
    return this.#message.number(field.tensor.dataType) ?? 0
  }

  get isFloat(): boolean {
    return types.get(this.#code)?.kind === 'float'
  }

  /** Its values, floats as float32 and integers as they are. */
  values(): Float32Array | IntegerArray {
    const { fail, unsupported, budget } = this.reading
    const type = types.get(this.#code)
    if (!type)
      return unsupported(
        `${quoted(this.name)} is of type ${this.#code}, expected one of ${[...types.keys()].join(', ')}`,
      )
    const count = sizeOf(this.name, this.shape)
    const length = count * type.size
    const mismatch = (found: string) =>
      fail(`${quoted(this.name)} of shape ${shownShape(this.shape)} takes ${length} bytes, found ${found}`)
    const outside =
      this.#message.has(field.tensor.externalData) || (this.#message.number(field.tensor.dataLocation) ?? 0)
    const raw = outside ? this.#outside(length) : this.#message.last(field.tensor.rawData)
    budget.spend(count * Math.max(4, type.size), () => `${quoted(this.name)} of shape ${shownShape(this.shape)}`)
    if (raw) return raw.length === length ? readElements(type, raw, 0, this.shape) : mismatch(`${raw.length}`)
    const [listed, read] = lists.get(this.#code) ?? [field.tensor.int32Data, int64]
    // float16 and its like stand in lists of integers as their bits.
    const direct = type === elementTypes.float32 || type === elementTypes.float64
    const values = direct ? new Float32Array(count) : new DataView(new ArrayBuffer(length))
    const found = this.#message.each(listed, read, count, (i, value) => {
      if (values instanceof Float32Array) values[i] = value
      else if (type.size === 1) values.setUint8(i, value)
      else if (type.size === 2) values.setUint16(2 * i, value, true)
      else if (type.size === 4) values.setInt32(4 * i, value, true)
      else values.setBigInt64(8 * i, Number.isInteger(value) ? BigInt(value) : 0n, true)
    })
    if (found !== count) return mismatch(found === 0 ? 'no raw data' : `${found} values`)
    return values instanceof Float32Array ? values : readElements(type, new Uint8Array(values.buffer), 0, this.shape)
  }

  #outside(length: number): Uint8Array {
    const { unsupported, fail, budget } = this.reading
    const told = new Map(
      this.#message.all(field.tensor.externalData).map((entry) => {
        const pair = new Message(entry, field.pair, this.reading)
        return [pair.text(field.pair.key), pair.text(field.pair.value)]
      }),
    )
    const location = told.get('location') ?? ''
    const from = Number(told.get('offset') ?? 0)
    const stated = Number(told.get('length') ?? length)
    if (!isCount(from) || stated !== length)
      return fail(
        `${quoted(this.name)} lies at byte ${told.get('offset')} of ${quoted(location)} in ${told.get('length')} bytes, expected ${length}`,
      )
    if (location === '' || /(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[a-z]:|\0/i.test(location))
      return unsupported(
        `${quoted(this.name)} lies in ${quoted(location)}, and only files in the folder of the model are read`,
      )
    if (!this.external)
      return unsupported(`${quoted(this.name)} lies in ${quoted(location)}, a file of its own: give that as well`)
    const bytes = this.external(location, from, length)
    if (bytes.length !== length)
      return fail(
        `${quoted(this.name)} lies at bytes ${from} to ${from + length} of ${quoted(location)}, which has ${bytes.length} of these`,
      )
    budget.credit(location, from + length)
    return bytes
  }
}

type List = readonly [field: number, read: (reader: BinaryReader) => number]

const lists = new Map<number, List>([
  [elementType.float32, [field.tensor.floatData, float]],
  [elementType.float64, [field.tensor.doubleData, double]],
  [elementType.int64, [field.tensor.int64Data, int64]],
])
