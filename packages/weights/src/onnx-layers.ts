// The operations of ONNX that are layers of a model, each told what it takes and adding what it is.
import { layerTypes, type LayerType } from '@digitlab/models'
import { folded, isIdentity, perChannel, rescaled } from './input-scale'
import { elementType } from './onnx-fields'
import { convolved, pooled, sides, windowed } from './onnx-windows'
import type { OnnxConstant, OnnxNode } from './onnx-graph'
import { flatten, reshape, unsqueeze } from './onnx-shapes'
import { first, refuse, sizeOf, type NamedLayer, type Step, type Walk } from './onnx-walk'
import { quoted, shownShape } from './shown'

const pass: Step = () => {}

const floatsOf = (walk: Walk, node: OnnxNode, constant: OnnxConstant): Float32Array => {
  const values = constant.values()
  if (!(values instanceof Float32Array)) return refuse(walk, node, `takes ${quoted(constant.name)} of integers`)
  return values
}

/** [rows, columns] to [columns, rows]. */
const turned = (values: Float32Array, rows: number, columns: number): Float32Array =>
  values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number)

/** PyTorch's name of the layer, where its weights have one, else the next of its kind. */
const nameOf = ({ layers }: Walk, weight: string, bias: string | undefined, kind: string): string => {
  const used = new Set(layers.flatMap((layer) => ('name' in layer ? [layer.name] : [])))
  const told = [/^(.+)\.weight$/.exec(weight)?.[1], /^(.+)\.bias$/.exec(bias ?? '')?.[1]]
  const found = told.find(
    (name) => name !== undefined && /^\w+(\.\w+)*$/.test(name) && name.length <= 128 && !used.has(name),
  )
  if (found !== undefined) return found
  for (let n = 1; ; n++) if (!used.has(`${kind}${n}`)) return `${kind}${n}`
}

/** Adds a layer with its weights, and folds into them what was done to the input before. */
const addLayer = (
  walk: Walk,
  node: OnnxNode,
  layer: NamedLayer,
  parameters: {
    weight: Float32Array
    shape: readonly number[]
    bias: Float32Array | undefined
    taps: number
    groups?: number
  },
) => {
  const { scale, weights, layers, notes } = walk
  const rows = layer.out
  let { weight } = parameters
  let bias = parameters.bias ?? new Float32Array(rows)
  if (!isIdentity(scale)) {
    const [firstNode = node] = scale.nodes
    if ((parameters.groups ?? 1) > 1 && Math.max(scale.scale.length, scale.shift.length) > 1)
      refuse(walk, firstNode, 'scales the channels of a convolution in groups, each by a number of its own')
    if (layers.some(({ type }) => type !== 'flatten')) refuse(walk, firstNode, 'changes what a layer gives')
    if (
      layer.type === 'conv2d' &&
      [layer.padding ?? 0].flat().some((side) => side > 0) &&
      scale.shift.some((value) => value !== 0)
    )
      refuse(walk, firstNode, `shifts the input of a convolution that pads it with zeros afterwards (${node.shown})`)
    if (Math.max(...scale.scale.map(Math.abs)) < 0.05)
      refuse(walk, firstNode, 'scales an input of float down: it takes pixels of 0 to 255, a model numbers of 0 to 1')
    ;({ weight, bias } = folded(scale, weight, bias, parameters.taps))
    const steps = scale.nodes.map(({ shown }) => shown).join(', ') || 'input of bytes'
    notes.push(`its ${steps} ${scale.nodes.length > 1 ? 'are' : 'is'} folded into ${quoted(layer.name)}`)
    walk.scale = { scale: [1], shift: [0], nodes: [] }
  }
  walk.open = parameters.bias === undefined ? layer.name : undefined
  layers.push(layer)
  weights.set(`${layer.name}.weight`, { shape: parameters.shape, data: weight })
  weights.set(`${layer.name}.bias`, { shape: [rows], data: bias })
}

const biasOf = (walk: Walk, node: OnnxNode, name: string | undefined, out: number) => {
  if (name === undefined || name === '') return undefined
  const constant = walk.graph.constant(name)
  if (!constant) return refuse(walk, node, `takes the bias ${quoted(name)}, which the graph computes`)
  if (sizeOf(constant.shape) !== out || constant.shape.at(-1) !== out)
    return refuse(walk, node, `adds ${shownShape(constant.shape)} to its ${out} outputs`)
  return { name: constant.name, values: floatsOf(walk, node, constant) }
}

/** y = x W + b, with W [in, out] as it stands, or [out, in] where it is transposed. */
const dense = (walk: Walk, node: OnnxNode, held: string | undefined, outIn: boolean, biasName: string | undefined) => {
  const weight = walk.graph.constant(held)
  if (!weight) return refuse(walk, node, `takes ${quoted(held ?? '')}, which the graph computes, for weights`)
  const [features = 0] = walk.shape
  const [rows = 0, columns = 0] = weight.shape
  const [out, inputs] = outIn ? [rows, columns] : [columns, rows]
  if (walk.shape.length !== 1 || weight.shape.length !== 2 || inputs !== features)
    return refuse(walk, node, `takes weights of ${shownShape(weight.shape)} for inputs of ${shownShape(walk.shape)}`)
  const bias = biasOf(walk, node, biasName, out)
  const values = floatsOf(walk, node, weight)
  // The values lie as [rows, columns] or, by way of a Transpose, as [columns, rows]; a state dict has [out, in].
  const turns = outIn === weight.transposed
  if (turns) walk.graph.reading.budget.spend(8 * values.length) // a copy, and the one before it
  const data = turns ? turned(values, inputs, out) : values
  const name = nameOf(walk, weight.name, bias?.name, 'fc')
  const taps = features / (walk.input[0] ?? 1)
  addLayer(walk, node, { type: 'dense', name, out }, { weight: data, shape: [out, inputs], bias: bias?.values, taps })
  walk.shape = [out]
}

const gemm: Step = (walk, node, taken) => {
  first(walk, node, taken)
  const { graph } = walk
  for (const name of ['alpha', 'beta'] as const)
    if ((graph.float(node, name) ?? 1) !== 1) refuse(walk, node, `has ${name} = ${graph.float(node, name)}`)
  if (graph.int(node, 'transA')) refuse(walk, node, 'transposes its input')
  dense(walk, node, node.inputs[1], graph.int(node, 'transB') === 1, node.inputs[2])
}

const matMul: Step = (walk, node, taken) => {
  first(walk, node, taken)
  dense(walk, node, node.inputs[1], false, undefined)
}

const conv: Step = (walk, node, taken) => {
  first(walk, node, taken)
  const { graph } = walk
  const weight = graph.constant(node.inputs[1])
  if (!weight) return refuse(walk, node, `takes ${quoted(node.inputs[1] ?? '')}, which the graph computes, for weights`)
  const [channels = 0] = walk.shape
  const [out = 0, inputs = 0, ...window] = weight.shape
  const groups = graph.int(node, 'group') ?? 1
  const fits = weight.shape.length === 4 && inputs * groups === channels && out % groups === 0
  if (walk.shape.length !== 3 || weight.transposed || !fits)
    return refuse(walk, node, `takes filters of ${shownShape(weight.shape)} for inputs of ${shownShape(walk.shape)}`)
  const kernel = window as [number, number]
  const { stride, padding } = convolved(walk, node, kernel)
  const bias = biasOf(walk, node, node.inputs[2], out)
  const name = nameOf(walk, weight.name, bias?.name, 'conv')
  const layer: NamedLayer = {
    ...{ type: 'conv2d' as const, name, out, kernel: sides(kernel) },
    ...(stride.every((step) => step === 1) ? {} : { stride: sides(stride) }),
    ...(padding.every((side) => side === 0) ? {} : { padding: sides(padding) }),
    ...(groups === 1 ? {} : { groups }),
  }
  const values = floatsOf(walk, node, weight)
  const taps = kernel[0] * kernel[1]
  addLayer(walk, node, layer, { weight: values, shape: weight.shape, bias: bias?.values, taps, groups })
  walk.shape = [out, ...windowed(walk, kernel, stride, padding)]
}

const maxPool: Step = (walk, node) => {
  const { size, stride, padding } = pooled(walk, node)
  walk.layers.push({
    ...{ type: 'maxPool2d', size: sides(size) },
    ...(stride.join() === size.join() ? {} : { stride: sides(stride) }),
    ...(padding.every((side) => side === 0) ? {} : { padding: sides(padding) }),
  })
  walk.shape = [walk.shape[0] ?? 0, ...windowed(walk, size, stride, padding)]
}

const averagePool: Step = (walk, node) => {
  const { size, stride, padding } = pooled(walk, node)
  if (padding.some((side) => side > 0)) return refuse(walk, node, 'pads windows of which it takes the mean')
  walk.layers.push({
    type: 'avgPool2d',
    size: sides(size),
    ...(stride.join() === size.join() ? {} : { stride: sides(stride) }),
  })
  walk.shape = [walk.shape[0] ?? 0, ...windowed(walk, size, stride, padding)]
}

const globalAveragePool: Step = (walk, node) => {
  if (walk.shape.length !== 3) return refuse(walk, node, `takes the mean of ${shownShape(walk.shape)}`)
  walk.layers.push({ type: 'globalAvgPool2d' })
  walk.shape = [walk.shape[0] ?? 0, 1, 1]
}

const batchNormalization: Step = (walk, node, taken) => {
  first(walk, node, taken)
  const { graph, weights, layers } = walk
  const [features = 0] = walk.shape
  if (graph.int(node, 'training_mode')) return refuse(walk, node, 'normalizes as in training')
  if (!isIdentity(walk.scale)) return refuse(walk, node, 'normalizes an input that was scaled before')
  const shorts = ['weight', 'bias', 'running_mean', 'running_var'] as const
  const held = shorts.map((short, i) => {
    const constant = graph.constant(node.inputs[i + 1])
    if (!constant) return refuse(walk, node, `takes ${quoted(node.inputs[i + 1] ?? '')}, which the graph computes`)
    if (constant.shape.join() !== String(features))
      return refuse(walk, node, `takes ${shownShape(constant.shape)} for ${features} channels`)
    return { short, name: constant.name, data: floatsOf(walk, node, constant) }
  })
  const name = nameOf(walk, held[0]?.name ?? '', held[1]?.name, 'norm')
  const epsilon = rounded(graph.float(node, 'epsilon') ?? 1e-5)
  layers.push({ type: 'batchNorm', name, ...(epsilon === 1e-5 ? {} : { epsilon }) })
  for (const { short, data } of held) weights.set(`${name}.${short}`, { shape: [features], data })
  const counted = { shape: [], data: new Float32Array(1), dtype: 'int64' as const } // a graph does not say
  weights.set(`${name}.num_batches_tracked`, counted)
}

/** A float32 as the shortest number that it is the nearest to: 1e-5, not 0.000009999999747378752. */
const rounded = (value: number): number => {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}

const elu: Step = (walk, node) => {
  const alpha = rounded(walk.graph.float(node, 'alpha') ?? 1)
  walk.layers.push({ type: 'elu', ...(alpha === 1 ? {} : { alpha }) })
}

const leakyRelu: Step = (walk, node) => {
  const slope = rounded(walk.graph.float(node, 'alpha') ?? 0.01)
  walk.layers.push({ type: 'leakyRelu', ...(slope === 0.01 ? {} : { slope }) })
}

/** Layers without options or arrays that ONNX has as one operation: ReLU and its like, by the operation's name. */
const plainLayers = new Map(
  (layerTypes as readonly LayerType[]).flatMap((type): [string, string][] => {
    if (Object.keys(type.options).length > 0 || type.reshapes) return []
    const [node, ...more] = type.onnx?.write({ options: {}, input: [1] }) ?? []
    const alone = node && more.length === 0 && node.inputs.join() === 'x' && !node.attributes
    return alone ? [[node.op, type.type]] : []
  }),
)

const dropout: Step = (walk, node, taken) => {
  first(walk, node, taken)
  const training =
    node.inputs[2] === undefined || node.inputs[2] === '' ? undefined : walk.graph.constant(node.inputs[2])
  if (node.inputs[2] && (!training || Number(training.values()[0]) !== 0))
    refuse(walk, node, 'drops values as in training')
}

const softmax: Step = (walk, node) => {
  const axis = walk.graph.int(node, 'axis')
  if (walk.shape.length !== 1 || (axis !== undefined && axis !== 1 && axis !== -1))
    refuse(walk, node, 'is not over the classes')
  walk.ended = true
}

const cast: Step = (walk, node) => {
  const floats: readonly number[] = [
    elementType.float32,
    elementType.float64,
    elementType.float16,
    elementType.bfloat16,
  ]
  if (!floats.includes(walk.graph.int(node, 'to') ?? 0)) refuse(walk, node, 'makes integers of its input')
}

/** One side is a constant: the bias of the layer before it, or a step that brings the input into form. */
const arithmetic =
  (op: 'Add' | 'Sub' | 'Mul' | 'Div'): Step =>
  (walk, node, taken) => {
    const other = node.inputs[0] === taken ? node.inputs[1] : node.inputs[0]
    const constant = walk.graph.constant(other)
    if (!constant) return refuse(walk, node, `takes ${quoted(other ?? '')}, which the graph computes`)
    if (op === 'Sub' || op === 'Div') first(walk, node, taken)
    const { open } = walk
    const out = walk.shape.length === 3 ? [walk.shape[0], 1, 1] : [walk.shape[0]]
    const sizes = constant.shape.length > out.length ? constant.shape.slice(-out.length) : constant.shape
    if (op === 'Add' && open !== undefined && sizes.join() === out.join() && sizeOf(sizes) === sizeOf(constant.shape)) {
      const before = walk.weights.get(`${open}.bias`)?.data ?? [] // zeros, or what was folded into it
      const data = floatsOf(walk, node, constant).map((value, i) => value + (before[i] ?? 0))
      walk.weights.set(`${open}.bias`, { shape: [data.length], data })
      walk.open = undefined
      return
    }
    const values = constant.isFloat
      ? perChannel({ shape: constant.shape, values: floatsOf(walk, node, constant) }, walk.shape)
      : undefined
    if (walk.layers.some(({ type }) => type !== 'flatten') || !values || (values.length > 1 && walk.layers.length > 0))
      return refuse(walk, node, `${words[op]} ${quoted(constant.name)} of ${shownShape(constant.shape)}`)
    walk.scale = rescaled(walk.scale, op, values, node)
  }

const words = { Add: 'adds', Sub: 'subtracts', Mul: 'multiplies by', Div: 'divides by' } as const

/** Leave the values as they are: a bias may still come behind them. */
const passing = new Set(['Identity', 'Cast', 'Dropout'])

/** Takes one node of the graph, or refuses it by name. */
export const takeNode: Step = (walk, node, taken) => {
  const type = steps.has(node.op) ? undefined : plainLayers.get(node.op)
  const plain: Step = () => void walk.layers.push({ type: type ?? '' })
  const step = type === undefined ? steps.get(node.op) : node.attributes.size === 0 ? plain : undefined
  if (!step) return refuse(walk, node, `computes what is not among ${layerTypes.map((each) => each.type).join(', ')}`)
  const { open } = walk
  if (walk.ended && node.op !== 'Identity') refuse(walk, node, 'follows the softmax')
  step(walk, node, taken)
  if (walk.open === open && !passing.has(node.op)) walk.open = undefined
}

/** By the name of the operation. */
const steps = new Map<string, Step>(
  Object.entries({
    Gemm: gemm,
    MatMul: matMul,
    Conv: conv,
    MaxPool: maxPool,
    AveragePool: averagePool,
    GlobalAveragePool: globalAveragePool,
    BatchNormalization: batchNormalization,
    Elu: elu,
    LeakyRelu: leakyRelu,
    Flatten: flatten,
    Reshape: reshape,
    Unsqueeze: unsqueeze,
    Identity: pass,
    Dropout: dropout,
    Cast: cast,
    Softmax: softmax,
    LogSoftmax: softmax,
    Add: arithmetic('Add'),
    Sub: arithmetic('Sub'),
    Mul: arithmetic('Mul'),
    Div: arithmetic('Div'),
  }),
)
