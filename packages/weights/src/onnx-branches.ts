// Functions that ONNX of before opset 20 has no operation of its own for: PyTorch's exporter writes x sigmoid(x) and
// x (1 + erf(x / sqrt(2))) / 2, which branch at x and come together again.
import type { KnownLayer } from '@digitlab/models'
import type { OnnxGraph, OnnxNode } from './onnx-graph'

interface Found {
  readonly layer: KnownLayer
  /** The value that it makes. */
  readonly output: string
}

/** What a node makes of values that are constants but for one. */
const constantOf = (graph: OnnxGraph, node: OnnxNode, value: string): number | undefined => {
  const other = node.inputs[0] === value ? node.inputs[1] : node.inputs[0]
  const constant = graph.constant(other)
  const values = constant && constant.shape.every((size) => size === 1) ? constant.values() : undefined
  return values instanceof Float32Array && values.length === 1 ? values[0] : undefined
}

const isNear = (value: number | undefined, want: number) =>
  value !== undefined && Math.abs(value - want) <= 1e-6 * Math.abs(want)

/** The one node that takes a value, where it is of this kind. */
const only = (graph: OnnxGraph, value: string | undefined, op: string): OnnxNode | undefined => {
  const takers = graph.takers.get(value ?? '') ?? []
  return takers.length === 1 && takers[0]?.op === op ? takers[0] : undefined
}

const takes = (node: OnnxNode | undefined, a: string, b: string | undefined): boolean =>
  node?.op === 'Mul' && b !== undefined && [...node.inputs].sort().join('\n') === [a, b].sort().join('\n')

/** x sigmoid(x) */
const silu = (graph: OnnxGraph, x: string, takers: readonly OnnxNode[]): string | undefined => {
  const sigmoid = takers.find(({ op }) => op === 'Sigmoid')?.outputs[0]
  const product = takers.find(({ op }) => op === 'Mul')
  return only(graph, sigmoid, 'Mul') === product && takes(product, x, sigmoid) ? product?.outputs[0] : undefined
}

/** x (1 + erf(x / sqrt(2))) 0.5, the half where it may stand. */
const gelu = (graph: OnnxGraph, x: string, takers: readonly OnnxNode[]): string | undefined => {
  const scaling = takers.find(
    (node) =>
      (node.op === 'Div' && node.inputs[0] === x && isNear(constantOf(graph, node, x), Math.SQRT2)) ||
      (node.op === 'Mul' && isNear(constantOf(graph, node, x), Math.SQRT1_2)),
  )
  const erf = only(graph, scaling?.outputs[0], 'Erf')
  const sum = only(graph, erf?.outputs[0], 'Add')
  const shifted = sum?.outputs[0]
  if (!sum || !isNear(constantOf(graph, sum, erf?.outputs[0] ?? ''), 1)) return undefined
  const half = (node: OnnxNode | undefined, of: string): string | undefined =>
    node?.op === 'Mul' && isNear(constantOf(graph, node, of), 0.5) ? node.outputs[0] : undefined
  const product = only(graph, shifted, 'Mul')
  const made = product?.outputs[0]
  // (x shifted) 0.5
  if (takes(product, x, shifted) && made !== undefined) return half(only(graph, made, 'Mul'), made)
  // x (shifted 0.5)
  const share = half(product, shifted ?? '')
  const behind = only(graph, share, 'Mul')
  if (takes(behind, x, share)) return behind?.outputs[0]
  // (x 0.5) shifted
  const halved = takers.map((node) => half(node, x)).find((value) => value !== undefined)
  return halved !== undefined && takes(product, halved, shifted) ? made : undefined
}

/** The layer that a graph computes where it branches at a value; undefined if that is none. */
export const branchedLayer = (graph: OnnxGraph, x: string, takers: readonly OnnxNode[]): Found | undefined => {
  if (takers.length !== 2) return undefined
  for (const [type, find] of [
    ['silu', silu],
    ['gelu', gelu],
  ] as const) {
    const output = find(graph, x, takers)
    if (output !== undefined) return { layer: { type }, output }
  }
  return undefined
}
