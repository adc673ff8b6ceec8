import { checkStateDict, defineModel, ModelError, type Model, type StateDict } from '@digitlab/models'
import type { WeightsContents } from './contents'
import { Budget, failing } from './failing'
import { isIdentity } from './input-scale'
import { normalizationIn, type Normalization } from './normalization'
import { elementType, field } from './onnx-fields'
import { definitionIn } from './model-of-weights'
import { branchedLayer } from './onnx-branches'
import { OnnxGraph, type OnnxNode } from './onnx-graph'
import { takeNode } from './onnx-layers'
import { Message, type Reading } from './onnx-message'
import type { ReadExternal } from './onnx-tensor'
import type { Walk } from './onnx-walk'
import { writtenNodes } from './write-onnx'
import { quoted, shownShape } from './shown'

/** What is read of an ONNX file. */
export interface ReadOnnxOptions {
  /** Gives the bytes of files beside the model that hold its weights; without it such a model is refused. */
  readonly external?: ReadExternal
  /**
   * What the file may be of, where it has types of layer that ONNX knows by no name: a graph that writeOnnx made of it is taken.
   * What a file of this package says itself is tried without it.
   */
  readonly model?: Model
}

/**
 * Reads an ONNX file: its graph as the layers of a model, and the weights by their names in PyTorch's layout. What the graph
 * computes is what the layers compute, or it is refused and the node named. Taken are Conv, Gemm, MatMul and Add, BatchNormalization,
 * Relu, LeakyRelu, Elu, Tanh, Sigmoid, Softplus, x sigmoid(x), gelu by Erf, MaxPool, AveragePool, GlobalAveragePool, Flatten, and what changes nothing (Identity, Dropout in inference, Reshape for a Flatten, a softmax at the end);
 * steps that bring the input into form (Sub, Div, ...) are folded into the first layer. Constants that are not weights are
 * skipped.
 *
 * @param name the file's name in error messages
 * @throws WeightsError if the file is cut off, damaged or hostile, or its graph is none of such layers
 */
export const readOnnx = (
  bytes: Uint8Array,
  name = 'the file',
  { external, model }: ReadOnnxOptions = {},
): WeightsContents & { readonly graph: Model } => {
  const failures = failing(name, 'ONNX')
  const { fail } = failures
  const reading: Reading = { ...failures, budget: new Budget(bytes.length, fail) }
  const file = new Message(bytes, field.model, reading)
  const graphs = file.all(field.model.graph)
  const [held, ...more] = graphs
  if (!held || more.length > 0) return fail(`expected one graph, found ${graphs.length}`)
  if (file.has(field.model.functions)) failures.unsupported('it has functions of its own, which are not read')
  const metadata = new Map(
    file.all(field.model.metadata).map((entry) => {
      const pair = new Message(entry, field.pair, reading)
      return [pair.text(field.pair.key), pair.text(field.pair.value)]
    }),
  )
  const graph = new OnnxGraph(held, reading, external)
  const known = model ?? modelIn(metadata)
  const rest = { integers: new Map(), metadata }
  const normalize = normalizationIn(metadata)
  const normalized = known && normalize && asWritten(graph, known, normalize)
  if (normalized) return { ...normalized, ...rest, notes: [] }
  metadata.delete('normalize') // what the graph does to its images is seen in the graph
  const written = known && asWritten(graph, known)
  if (written) return { ...written, ...rest, notes: [] }
  const { input, layers, weights, notes } = follow(graph)
  const [channels = 0, height = 0, width = 0] = input
  const called = /^[\w-]{1,64}$/.test(graph.name) ? graph.name : 'onnx'
  try {
    const drawn = defineModel({ name: called, input: [height, width, channels], layers })
    return { weights, ...rest, graph: drawn, notes }
  } catch (cause) {
    if (!(cause instanceof ModelError)) throw cause
    return failures.unsupported(`its graph is not a model: ${cause.message}`, cause)
  }
}

const modelIn = (metadata: ReadonlyMap<string, string>): Model | undefined => {
  const definition = definitionIn(metadata)
  return definition && defineModel(definition)
}

/**
 * The weights of a graph that is, node by node, what writeOnnx makes of a model, whatever types of layer that has; undefined
 * where it is another, or normalizes its images otherwise.
 */
const asWritten = (
  graph: OnnxGraph,
  model: Model,
  normalize?: Normalization,
): { weights: StateDict; graph: Model } | undefined => {
  const [height, width, channels] = model.definition.input
  const [input, ...more] = graph.inputs
  if (!input || more.length > 0 || input.sizes.slice(1).join() !== [channels, height, width].join()) return undefined
  const nodes = writtenNodes(model, normalize).map((bytes) =>
    new Message(bytes, field.graph, graph.reading).all(field.graph.node),
  )
  const equal = (a: Uint8Array, b: Uint8Array | undefined) =>
    a.length === b?.length && a.every((byte, i) => byte === b[i])
  const same = nodes.some(
    (written) => written.length === graph.nodes.length && written.every((node, i) => equal(node, graph.nodes[i])),
  )
  if (!same || !graph.outputs.every((output) => output === 'logits' || output === 'probabilities')) return undefined
  const weights: StateDict = new Map()
  for (const { name, shape, dtype } of model.entries) {
    if (dtype) {
      weights.set(name, { shape, data: new Float32Array(1), dtype }) // counted in training alone
      continue
    }
    const constant = graph.constant(name)
    const data = constant?.values()
    if (!constant || !(data instanceof Float32Array)) return undefined
    weights.set(name, { shape: constant.shape, data })
  }
  checkStateDict(model, weights)
  return { weights, graph: model }
}

/** Follows a graph from its input to its outputs, node by node. */
const follow = (graph: OnnxGraph): Walk => {
  const { unsupported, fail } = graph.reading
  const walk = begin(graph)
  let at = graph.inputs[0]?.name ?? ''
  let logits = new Set([at])
  const taken = new Set<OnnxNode>()
  for (;;) {
    walk.passed.set(at, [-2, ...walk.shape])
    // What only asks for a shape takes no value.
    const takers = (graph.takers.get(at) ?? []).filter(({ op }) => op !== 'Shape')
    const [node, ...others] = takers
    if (!node) break
    const branched = others.length > 0 ? branchedLayer(graph, at, takers) : undefined
    if (branched) {
      const [again] = takers.filter((each) => taken.has(each))
      if (again) return fail(`its ${again.shown} takes what comes of itself`)
      for (const each of takers) taken.add(each)
      walk.layers.push(branched.layer)
      walk.open = undefined
      at = branched.output
      logits = new Set([at])
      continue
    }
    if (others.length > 0)
      return unsupported(
        `its graph branches: ${quoted(at)} goes into ${takers
          .slice(0, 4)
          .map(({ shown }) => shown)
          .join(' and ')}; a model is one row of layers`,
      )
    if (taken.has(node)) return fail(`its ${node.shown} takes what comes of itself`)
    taken.add(node)
    const layers = walk.layers.length
    takeNode(walk, node, at)
    const output = node.outputs[0]
    if (output === undefined) return fail(`its ${node.shown} gives nothing`)
    at = output
    // Outputs of the graph are the logits: the value of the last layer, whatever passes it on, and the softmax of it.
    logits = walk.layers.length > layers ? new Set([at]) : logits.add(at)
  }
  const strange = graph.outputs.find((output) => !logits.has(output))
  if (graph.outputs.length === 0 || strange !== undefined)
    return unsupported(
      `its graph gives ${quoted(strange ?? '')}, expected ${[...logits].map(quoted).join(' or ')}, what its last layer gives`,
    )
  const { nodes } = walk.scale
  if (nodes[0] && !isIdentity(walk.scale)) return unsupported(`its ${nodes[0].shown} is before no layer with weights`)
  return walk
}

const begin = (graph: OnnxGraph): Walk => {
  const { unsupported } = graph.reading
  const [input, ...more] = graph.inputs
  if (!input || more.length > 0)
    return unsupported(
      `its graph takes ${
        graph.inputs
          .slice(0, 8)
          .map((each) => quoted(each.name))
          .join(', ') || 'nothing'
      }, expected one input of images`,
    )
  const [batch, ...sizes] = input.sizes
  const known = sizes.filter((size): size is number => size !== undefined && size > 0)
  const image = known.length === 1 && known[0] === 784 ? [1, 28, 28] : known.length === 2 ? [1, ...known] : known
  if (known.length !== sizes.length || image.length !== 3)
    return unsupported(
      `its input ${quoted(input.name)} is of ${shownShape(input.sizes.map((size) => size ?? 'any'))}, expected [N, channels, height, width] or [N, 784]`,
    )
  return {
    graph,
    input: image,
    shape: known,
    batch,
    // A row of pixels is an image that has been flattened.
    layers: known.length === 1 ? [{ type: 'flatten' }] : [],
    weights: new Map(),
    // Bytes are 255 times what a model takes.
    scale: { scale: [input.elementType === elementType.uint8 ? 255 : 1], shift: [0], nodes: [] },
    open: undefined,
    passed: new Map(),
    ended: false,
    notes: [],
  }
}
