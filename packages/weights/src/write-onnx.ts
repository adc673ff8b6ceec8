import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  checkStateDict,
  type Model,
  type OnnxAttribute,
  type OnnxNode,
  type ShapedLayer,
  type StateDict,
} from '@digitlab/models'
import { float32Bytes } from './element-types'
import { attributeType, elementType, field } from './onnx-fields'
import type { Normalization } from './normalization'
import { checkSizes } from './shape'
import { WeightsError } from './weights-error'

/** The graph's input and output. */
export interface OnnxOptions {
  /** 'float32' takes images in [0, 1] (the default), 'uint8' takes 0 to 255 and divides in the graph. */
  readonly input?: 'float32' | 'uint8'
  /** Also gives `probabilities`, the softmax of the logits. */
  readonly probabilities?: boolean
  /** Normalizes the images in the graph, which is fed as without it: weights that were trained on normalized ones. */
  readonly normalize?: Normalization | undefined
  /** Kept as metadata_props, strings by name. */
  readonly metadata?: Readonly<Record<string, string>>
}

const opset = 17
/** The version of the file format that came with opset 17. */
const irVersion = 8

type Write = (writer: BinaryWriter) => void

const message = (write: Write): Uint8Array => {
  const writer = new BinaryWriter()
  write(writer)
  return writer.finish()
}
const sub = (writer: BinaryWriter, number: number, write: Write) =>
  writer.tag(number, WireType.LengthDelimited).bytes(message(write))
const text = (writer: BinaryWriter, number: number, value: string) =>
  writer.tag(number, WireType.LengthDelimited).string(value)
const integer = (writer: BinaryWriter, number: number, value: number) =>
  writer.tag(number, WireType.Varint).int64(value)

/** A node of the graph, `op(inputs) -> output`. */
const node = (
  graph: BinaryWriter,
  op: string,
  inputs: string[],
  output: string,
  attributes: Readonly<Record<string, OnnxAttribute>>,
) =>
  sub(graph, field.graph.node, (writer) => {
    for (const input of inputs) text(writer, field.node.input, input)
    text(writer, field.node.output, output)
    text(writer, field.node.name, output)
    text(writer, field.node.opType, op)
    for (const [name, value] of Object.entries(attributes))
      sub(writer, field.node.attribute, (attribute) => {
        text(attribute, field.attribute.name, name)
        if (typeof value === 'number') {
          integer(attribute, field.attribute.i, value)
          integer(attribute, field.attribute.type, attributeType.int)
        } else if ('float' in value) {
          attribute.tag(field.attribute.f, WireType.Bit32).float(value.float)
          integer(attribute, field.attribute.type, attributeType.float)
        } else {
          for (const each of value) integer(attribute, field.attribute.ints, each)
          integer(attribute, field.attribute.type, attributeType.ints)
        }
      })
  })

/** A node that gives one value. */
const constant = (graph: BinaryWriter, name: string, value: number) =>
  sub(graph, field.graph.node, (writer) => {
    text(writer, field.node.output, name)
    text(writer, field.node.name, name)
    text(writer, field.node.opType, 'Constant')
    sub(writer, field.node.attribute, (attribute) => {
      text(attribute, field.attribute.name, 'value')
      tensor(attribute, field.attribute.t, name, [], Float32Array.of(value))
      integer(attribute, field.attribute.type, attributeType.tensor)
    })
  })

/** The nodes of one layer, of which the last makes `output`. */
const layerNodes = (
  graph: BinaryWriter,
  layer: ShapedLayer,
  nodes: readonly OnnxNode[],
  { x, output, parts }: { readonly x: string; readonly output: string; readonly parts: ReadonlyMap<string, string> },
) => {
  const names = new Map([...layer.parameters, ...layer.buffers].map(({ short, name }) => [short, name]))
  for (const [part, made] of parts) names.set(part, made)
  names.set('x', x)
  for (const [position, { op, inputs, attributes = {}, output: local }] of nodes.entries()) {
    const taken = inputs.map((input, i) => {
      if (typeof input === 'string') return names.get(input) ?? input
      const name = `${output}/${position}/${i}`
      constant(graph, name, input)
      return name
    })
    const made = position === nodes.length - 1 ? output : `${output}/${local ?? position}`
    node(graph, op, taken, made, attributes)
    if (local !== undefined) names.set(local, made)
  }
}

/** A graph's input or output: a batch of any size. */
const value = (graph: BinaryWriter, number: number, name: string, type: number, shape: readonly number[]) =>
  sub(graph, number, (info) => {
    text(info, 1, name)
    sub(info, 2, (typeProto) =>
      sub(typeProto, 1, (tensorType) => {
        integer(tensorType, 1, type)
        sub(tensorType, 2, (shapeProto) => {
          sub(shapeProto, 1, (dimension) => text(dimension, 2, 'N'))
          for (const size of shape) sub(shapeProto, 1, (dimension) => integer(dimension, 1, size))
        })
      }),
    )
  })

const tensor = (parent: BinaryWriter, number: number, name: string, shape: readonly number[], data: Float32Array) =>
  sub(parent, number, (writer) => {
    for (const size of shape) integer(writer, field.tensor.dims, size)
    integer(writer, field.tensor.dataType, elementType.float32)
    text(writer, field.tensor.name, name)
    writer.tag(field.tensor.rawData, WireType.LengthDelimited).bytes(float32Bytes(data))
  })

/**
 * Writes a list of layers.
 *
 * @param nameOf the value that a layer makes, counted from 1
 * @returns the value that the last of them makes
 */
const writeLayers = (
  writer: BinaryWriter,
  layers: readonly ShapedLayer[],
  from: string,
  nameOf: (position: number) => string,
): string => {
  let x = from
  for (const [position, layer] of layers.entries()) {
    const output = nameOf(position + 1)
    const nodes = layer.type.onnx?.write(layer)
    if (!nodes)
      throw new WeightsError(`layers of type ${layer.type.type} can't be written to ONNX: choose another format`)
    const parts = Object.entries(layer.parts).map(
      ([name, part]) => [name, writeLayers(writer, part, x, (inner) => `${output}/${name}${inner}`)] as const,
    )
    layerNodes(writer, layer, nodes, { x, output, parts: new Map(parts) })
    x = output
  }
  return x
}

/** Writes the nodes of a model's graph, from `images` to `logits` and, where asked for, `probabilities`. */
const writeNodes = (
  writer: BinaryWriter,
  model: Model,
  { input = 'float32', probabilities = false, normalize }: OnnxOptions,
) => {
  let x = 'images'
  const step = (op: string, output: string, inputs: string[] = [], attributes: Record<string, OnnxAttribute> = {}) => {
    node(writer, op, [x, ...inputs], output, attributes)
    x = output
  }
  if (input === 'uint8') {
    step('Cast', 'pixels', [], { to: elementType.float32 })
    constant(writer, 'white', 255)
    step('Div', 'scaled', ['white'])
  }
  if (normalize) {
    constant(writer, 'mean', normalize.mean)
    step('Sub', 'centred', ['mean'])
    constant(writer, 'std', normalize.std)
    step('Div', 'normalized', ['std'])
  }
  x = writeLayers(writer, model.layers, x, (position) =>
    position === model.layers.length ? 'logits' : `layer${position}`,
  )
  if (probabilities) step('Softmax', 'probabilities', [], { axis: 1 })
}

/**
 * The nodes of the graphs that {@link writeOnnx} writes of a model, each as its bytes: of floats and of bytes, with
 * probabilities and without.
 *
 * @param normalize what they do to their images besides
 * @throws WeightsError for a type of layer that ONNX does not get
 */
export const writtenNodes = (model: Model, normalize?: Normalization): Uint8Array[] =>
  [false, true].flatMap((probabilities) =>
    (['float32', 'uint8'] as const).map((input) =>
      message((writer) => writeNodes(writer, model, { input, probabilities, normalize })),
    ),
  )

/**
 * Writes a model with its weights as an ONNX file of opset 17: input `images` [N, channels, height, width], output `logits`
 * [N, classes], for any N. The initializers are the state dict, by PyTorch's names and in PyTorch's layout, but for
 * the number of batches that a normalization has seen. The same input
 * gives the same bytes.
 *
 * Source: onnx.proto of ONNX 1.12.
 *
 * @throws ModelError if an entry is missing, extra or of another shape; WeightsError for a type of layer that ONNX does not get
 */
export const writeOnnx = (model: Model, weights: StateDict, options: OnnxOptions = {}): Uint8Array => {
  const { input = 'float32', probabilities = false, normalize, metadata = {} } = options
  checkStateDict(model, weights)
  checkSizes(weights)
  const [height, width, channels] = model.definition.input
  const graph = (writer: BinaryWriter) => {
    writeNodes(writer, model, { input, probabilities, normalize })
    text(writer, field.graph.name, model.name)
    for (const [name, { shape, data, dtype }] of weights)
      if (!dtype) tensor(writer, field.graph.initializer, name, shape, data) // no node takes what is counted in training
    value(writer, field.graph.input, 'images', elementType[input], [channels, height, width])
    value(writer, field.graph.output, 'logits', elementType.float32, [model.classes])
    if (probabilities) value(writer, field.graph.output, 'probabilities', elementType.float32, [model.classes])
  }
  return message((writer) => {
    integer(writer, field.model.irVersion, irVersion)
    text(writer, field.model.producer, 'digitlab')
    sub(writer, field.model.graph, graph)
    sub(writer, field.model.opsetImport, (version) => {
      text(version, 1, '')
      integer(version, 2, opset)
    })
    for (const [key, held] of Object.entries(metadata))
      sub(writer, field.model.metadata, (entry) => {
        text(entry, 1, key)
        text(entry, 2, held)
      })
  })
}
