// The windows of convolutions and poolings in ONNX: their sides, how far apart they are, and what lies around the image.
import type { Sides } from '@digitlab/models'
import type { OnnxNode } from './onnx-graph'
import { refuse, type Walk } from './onnx-walk'
import { shownShape } from './shown'

type Both = readonly [height: number, width: number]

/** As a definition says it: one number where both are one. */
export const sides = ([height, width]: Both): Sides => (height === width ? height : [height, width])

const both = (walk: Walk, node: OnnxNode, name: string, otherwise: Both): Both => {
  const values = walk.graph.ints(node, name)
  if (values === undefined) return otherwise
  return values.length === 2 ? (values as unknown as Both) : refuse(walk, node, `has ${name} of ${shownShape(values)}`)
}

const undilated = (walk: Walk, node: OnnxNode) => {
  if (both(walk, node, 'dilations', [1, 1]).some((step) => step !== 1)) refuse(walk, node, 'is dilated')
}

/** What lies before and behind, where both are as much. */
const padsOf = (walk: Walk, node: OnnxNode): Both => {
  const [top = 0, left = 0, bottom = 0, right = 0] = walk.graph.ints(node, 'pads') ?? []
  if (top !== bottom || left !== right) return refuse(walk, node, 'has padding that differs from side to side')
  return [top, left]
}

/** Stride and padding of a convolution. */
export const convolved = (walk: Walk, node: OnnxNode, kernel: Both): { stride: Both; padding: Both } => {
  const { graph } = walk
  undilated(walk, node)
  const stride = both(walk, node, 'strides', [1, 1])
  const stated = both(walk, node, 'kernel_shape', kernel)
  if (stated.join() !== kernel.join())
    return refuse(walk, node, `has kernel_shape ${shownShape(stated)}, its filters are ${shownShape(kernel)}`)
  const auto = graph.string(node, 'auto_pad') ?? 'NOTSET'
  if (auto === 'VALID') return { stride, padding: [0, 0] }
  if (!auto.startsWith('SAME')) return { stride, padding: padsOf(walk, node) }
  // As much on each side only so.
  if (stride.some((step) => step !== 1) || kernel.some((side) => side % 2 === 0))
    return refuse(walk, node, 'has padding that differs from side to side')
  return { stride, padding: [(kernel[0] - 1) / 2, (kernel[1] - 1) / 2] }
}

/** The windows of a pooling, where none is rounded up or dilated. */
export const pooled = (walk: Walk, node: OnnxNode): { size: Both; stride: Both; padding: Both } => {
  const { graph } = walk
  const size = both(walk, node, 'kernel_shape', [0, 0])
  const stride = both(walk, node, 'strides', [1, 1])
  if (walk.shape.length !== 3 || size.some((side) => side < 1) || stride.some((step) => step < 1))
    return refuse(
      walk,
      node,
      `has windows of [${size.join(', ')}], [${stride.join(', ')}] apart, over [${walk.shape.join(', ')}]`,
    )
  const auto = graph.string(node, 'auto_pad') ?? 'NOTSET'
  const padding = auto === 'NOTSET' ? padsOf(walk, node) : ([0, 0] as const)
  const even = size.every((side, axis) => {
    const length = (walk.shape[axis + 1] ?? 0) + 2 * (padding[axis] ?? 0)
    return length >= side && (length - side) % (stride[axis] ?? 1) === 0
  })
  const padded = auto.startsWith('SAME') && !(even && size.join() === stride.join())
  const dilated = both(walk, node, 'dilations', [1, 1]).some((step) => step !== 1)
  if (padded || dilated || (graph.int(node, 'ceil_mode') === 1 && !even))
    return refuse(walk, node, 'pads, rounds up or dilates its windows')
  return { size, stride, padding }
}

/** Height and width of what windows make of the value that the walk is at. */
export const windowed = ({ shape }: Walk, size: Both, stride: Both, padding: Both): [height: number, width: number] => {
  const [, height = 0, width = 0] = shape
  const side = (length: number, axis: 0 | 1) => Math.floor((length + 2 * padding[axis] - size[axis]) / stride[axis]) + 1
  return [side(height, 0), side(width, 1)]
}
