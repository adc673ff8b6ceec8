// ONNX files for tests, of any graph: what writeOnnx would never write.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

type Bytes = Uint8Array<ArrayBufferLike>
type Value = number | string | readonly number[] | Bytes

/** A message of fields, in their order: numbers as varints, text, lists of numbers packed, and messages. */
export const message = (...fields: readonly (readonly [number: number, value: Value])[]): Uint8Array => {
  const writer = new BinaryWriter()
  for (const [number, value] of fields)
    if (typeof value === 'number') writer.tag(number, WireType.Varint).int64(value)
    else if (typeof value === 'string') writer.tag(number, WireType.LengthDelimited).string(value)
    else if (value instanceof Uint8Array) writer.tag(number, WireType.LengthDelimited).bytes(value)
    else {
      writer.tag(number, WireType.LengthDelimited).fork()
      for (const each of value) writer.int64(each)
      writer.join()
    }
  return writer.finish()
}

/** @param more fields beside the name, the shape and the type: raw data (9), lists, a place elsewhere */
export const tensorOf = (
  name: string,
  shape: readonly number[],
  type: number,
  ...more: readonly (readonly [number, Value])[]
): Uint8Array => message([1, shape], [2, type], [8, name], ...more)

export const raw = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** float32 */
export const floats = (name: string, shape: readonly number[], values: readonly number[] | Float32Array): Uint8Array =>
  tensorOf(name, shape, 1, [9, raw(Float32Array.from(values))])

export const int64s = (name: string, shape: readonly number[], values: readonly number[]): Uint8Array =>
  tensorOf(name, shape, 7, [9, raw(BigInt64Array.from(values, BigInt))])

type Attribute = number | { readonly float: number } | { readonly text: string } | readonly number[] | Bytes

const attributeOf = (name: string, value: Attribute): Uint8Array => {
  if (typeof value === 'number') return message([1, name], [3, value], [20, 2])
  if (value instanceof Uint8Array) return message([1, name], [5, value], [20, 4])
  if (Array.isArray(value)) return message([1, name], [8, value as readonly number[]], [20, 7])
  if ('text' in value) return message([1, name], [4, value.text], [20, 3])
  const writer = new BinaryWriter()
  writer.tag(1, WireType.LengthDelimited).string(name)
  writer.tag(2, WireType.Bit32).float((value as { float: number }).float)
  return writer.tag(20, WireType.Varint).int64(1).finish()
}

export interface NodeSpec {
  readonly op: string
  readonly in: readonly string[]
  readonly out: string
  readonly with?: Readonly<Record<string, Attribute>>
  readonly name?: string
  readonly domain?: string
}

export interface GraphSpec {
  readonly nodes: readonly NodeSpec[]
  readonly initializers: readonly Uint8Array[]
  /** Sizes, 'N' for any; [N, 1, 28, 28] by default. */
  readonly input?: readonly (number | string)[]
  /** float32 by default */
  readonly inputType?: number
  /** 'y' by default */
  readonly outputs?: readonly string[]
  readonly opset?: number
  readonly graph?: readonly (readonly [number, Value])[]
  readonly model?: readonly (readonly [number, Value])[]
}

const valueOf = (name: string, type: number, sizes?: readonly (number | string)[]): Uint8Array => {
  const dimensions = (sizes ?? []).map((size) => [1, message([typeof size === 'number' ? 1 : 2, size])] as const)
  const shape = sizes ? [[2, message(...dimensions)] as const] : []
  return message([1, name], [2, message([1, message([1, type], ...shape)])])
}

/** The graph takes 'x'. */
export const onnxFile = ({
  nodes,
  initializers,
  input = ['N', 1, 28, 28],
  inputType = 1,
  outputs = ['y'],
  opset = 13,
  graph = [],
  model = [],
}: GraphSpec): Uint8Array =>
  message(
    [1, 7],
    [
      7,
      message(
        ...nodes.map(
          (node) =>
            [
              1,
              message(
                ...node.in.map((name) => [1, name] as const),
                [2, node.out],
                ...(node.name === undefined ? [] : [[3, node.name] as const]),
                [4, node.op],
                ...Object.entries(node.with ?? {}).map(([name, value]) => [5, attributeOf(name, value)] as const),
                ...(node.domain === undefined ? [] : [[7, node.domain] as const]),
              ),
            ] as const,
        ),
        [2, 'g'],
        ...initializers.map((each) => [5, each] as const),
        [11, valueOf('x', inputType, input)],
        ...outputs.map((name) => [12, valueOf(name, 1)] as const),
        ...graph,
      ),
    ],
    [8, message([1, ''], [2, opset])],
    ...model,
  )
