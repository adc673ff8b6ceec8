// Operations of ONNX that give the values another shape and leave them as they are.
import type { OnnxNode } from './onnx-graph'
import { batchSize, first, refuse, sizeOf, type Step, type Walk } from './onnx-walk'
import { quoted, shownShape } from './shown'

export const flatten: Step = (walk, node) => {
  const axis = walk.graph.int(node, 'axis') ?? 1
  if (axis !== 1 && axis !== -walk.shape.length) return refuse(walk, node, `flattens from axis ${axis}`)
  return become(walk, node, [sizeOf(walk.shape)])
}

/** Another shape of the same values in the same order. */
const become = (walk: Walk, node: OnnxNode, shape: readonly number[]) => {
  if (shape.join() === walk.shape.join()) return
  if (sizeOf(shape) !== sizeOf(walk.shape))
    refuse(walk, node, `makes ${shownShape(shape)} of ${shownShape(walk.shape)}`)
  if (shape.length === 1) walk.layers.push({ type: 'flatten' })
  // A row of pixels that becomes an image: it was never flattened.
  else if (shape.join() === walk.input.join() && walk.layers.every(({ type }) => type === 'flatten')) walk.layers.pop()
  else refuse(walk, node, `makes ${shownShape(shape)} of ${shownShape(walk.shape)}`)
  walk.shape = shape
}

export const reshape: Step = (walk, node, taken) => {
  first(walk, node, taken)
  const stated = dimensions(walk, node.inputs[1], 0)
  if (!stated) return refuse(walk, node, `takes the shape ${quoted(node.inputs[1] ?? '')}, which depends on its input`)
  const before = [batchSize, ...walk.shape]
  const sizes = stated.map((size, axis) => (size === 0 ? (before[axis] ?? 0) : size))
  const [batch, ...rest] = sizes
  const unknown = rest.filter((size) => size === -1).length
  const told = sizeOf(rest.filter((size) => size !== -1))
  const whole = rest.map((size) => (size === -1 ? sizeOf(walk.shape) / told : size))
  const isBatch = batch === batchSize || batch === -1 || (walk.batch !== undefined && batch === walk.batch)
  if (!isBatch || unknown + (batch === -1 ? 1 : 0) > 1 || rest.length === 0)
    return refuse(walk, node, `makes ${shownShape(stated)}, which mixes the images of a batch`)
  return become(walk, node, whole)
}

/** A list of sizes that a graph states or computes of a shape: PyTorch's x.view(x.size(0), -1). */
const dimensions = (walk: Walk, name: string | undefined, depth: number): number[] | undefined => {
  const { graph, passed } = walk
  if (name === undefined || depth > 16) return undefined
  graph.reading.budget.spend(256) // a graph may name one value often, at every depth
  const constant = graph.constant(name)
  if (constant) {
    if (constant.isFloat || sizeOf(constant.shape) > 64) return undefined
    return Array.from(constant.values() as ArrayLike<number | bigint>, Number)
  }
  const node = graph.makers.get(name)
  if (!node) return undefined
  const inputs = node.inputs.map((input) => () => dimensions(walk, input, depth + 1))
  switch (node.op) {
    case 'Shape': {
      const shape = passed.get(node.inputs[0] ?? '')
      return shape && node.attributes.size === 0 ? [...shape] : undefined
    }
    case 'Gather': {
      const [from, index] = [inputs[0]?.(), inputs[1]?.()]
      const found = from && index?.length === 1 ? from.at(index[0] as number) : undefined
      return found === undefined ? undefined : [found]
    }
    case 'Concat': {
      const parts = inputs.length > 16 ? [undefined] : inputs.map((input) => input())
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined
    }
    case 'Unsqueeze':
    case 'Cast':
      return inputs[0]?.()
  }
  return undefined
}

export const unsqueeze: Step = (walk, node) => {
  const axes = walk.graph.ints(node, 'axes') ?? dimensions(walk, node.inputs[1], 0)
  // Images without an axis of channels, [N, height, width], get one.
  if (walk.layers.length > 0 || walk.shape.length !== 2 || axes?.join() !== '1') refuse(walk, node, 'adds an axis')
  walk.shape = [1, ...walk.shape]
}
