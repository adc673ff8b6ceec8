// What a graph does to its input before the first layer: y = scale x + shift, one of each or one a channel.
import type { OnnxNode } from './onnx-graph'

/** Of numbers in [0, 1], as the models here take them. */
export interface InputScale {
  readonly scale: readonly number[]
  readonly shift: readonly number[]
  readonly nodes: readonly OnnxNode[]
}

export const isIdentity = ({ scale, shift }: InputScale): boolean =>
  scale.every((value) => value === 1) && shift.every((value) => value === 0)

/**
 * The values of a constant, one or one a channel, where it has so many.
 *
 * @param input [channels, height, width] or [features], without the batch
 */
export const perChannel = (
  { shape, values }: { readonly shape: readonly number[]; readonly values: ArrayLike<number> },
  input: readonly number[],
): number[] | undefined => {
  if (values.length === 1) return [values[0] as number]
  if (input.length !== 3) return undefined
  const channels = input[0] as number
  // Sizes of a constant fit from the right: [channels, 1, 1] or [1, channels, 1, 1].
  const wanted = [channels, 1, 1]
  const sizes = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape
  return sizes.join() === wanted.join() ? Array.from({ length: channels }, (_, i) => values[i] as number) : undefined
}

/** Scale and shift after another step of the graph: x op value, for each channel. */
export const rescaled = (
  { scale, shift, nodes }: InputScale,
  op: 'Add' | 'Sub' | 'Mul' | 'Div',
  values: readonly number[],
  node: OnnxNode,
): InputScale => {
  const channels = Math.max(scale.length, values.length)
  const each = (list: readonly number[], i: number) => list[list.length === 1 ? 0 : i] as number
  const step = {
    Add: (a: number, b: number, v: number) => [a, b + v],
    Sub: (a: number, b: number, v: number) => [a, b - v],
    Mul: (a: number, b: number, v: number) => [a * v, b * v],
    Div: (a: number, b: number, v: number) => [a / v, b / v],
  }[op]
  const pairs = Array.from({ length: channels }, (_, i) => step(each(scale, i), each(shift, i), each(values, i)))
  return {
    scale: pairs.map(([a]) => a as number),
    shift: pairs.map(([, b]) => b as number),
    nodes: [...nodes, node],
  }
}

/**
 * Weights [out, in, ...] and bias [out] that give of x what the given ones give of scale x + shift.
 *
 * @param taps values of each row that belong to one channel, which lie together
 */
export const folded = (
  { scale, shift }: InputScale,
  weight: Float32Array,
  bias: Float32Array,
  taps: number,
): { weight: Float32Array; bias: Float32Array } => {
  const row = weight.length / bias.length
  const sums = new Float64Array(bias)
  const scaled = weight.map((value, i) => {
    const channel = scale.length === 1 ? 0 : Math.floor((i % row) / taps)
    const out = Math.floor(i / row)
    sums[out] = (sums[out] as number) + value * (shift[channel] as number)
    return value * (scale[channel] as number)
  })
  return { weight: scaled, bias: Float32Array.from(sums) }
}
