// Graphs of small nets as exporters write them, with weights that are the same each time.
import { floats, int64s, tensorOf, type GraphSpec, type NodeSpec } from './onnx-file'

/** Numbers that look like weights, the same for the same name. */
export const some = (name: string, count: number): Float32Array => {
  const seed = Array.from(name, (letter) => letter.charCodeAt(0)).reduce((sum, code) => sum * 31 + code, 7) % 1000
  return Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i) / 10)
}
const size = (shape: readonly number[]) => shape.reduce((product, each) => product * each, 1)
export const entry = (name: string, ...shape: number[]) => floats(name, shape, some(name, size(shape)))

export const fc1 = [entry('fc1.weight', 20, 784), entry('fc1.bias', 20)]
export const fc2 = [entry('fc2.weight', 10, 20), entry('fc2.bias', 10)]
export const gemm = (x: string, layer: string, out: string, more: NodeSpec['with'] = {}): NodeSpec => ({
  ...{ op: 'Gemm', in: [x, `${layer}.weight`, `${layer}.bias`], out, name: layer },
  with: { transB: 1, ...more },
})
export const flatten: NodeSpec = { op: 'Flatten', in: ['x'], out: 'f' }
export const relu: NodeSpec = { op: 'Relu', in: ['h'], out: 'r' }
export const plain: GraphSpec = {
  nodes: [flatten, gemm('f', 'fc1', 'h'), relu, gemm('r', 'fc2', 'y')],
  initializers: [...fc1, ...fc2],
}
export const before = (...nodes: NodeSpec[]): NodeSpec[] => [
  ...nodes,
  { ...flatten, in: [nodes.at(-1)?.out ?? 'x'] },
  ...plain.nodes.slice(1),
]

export const turned = (name: string, rows: number, columns: number) => {
  const values = some(name, rows * columns)
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? NaN)
}

export const constant = (name: string, shape: number[], values: number[]): NodeSpec => ({
  ...{ op: 'Constant', in: [], out: name },
  with: { value: floats(name, shape, values) },
})

export const scaled: NodeSpec[] = [
  constant('mean', [], [0.1307]),
  constant('std', [1], [0.3081]),
  { op: 'Sub', in: ['x', 'mean'], out: 'x1', name: 'center' },
  { op: 'Div', in: ['x1', 'std'], out: 'x2', name: 'spread' },
]
export const convolution = (kernel: number, more: NodeSpec['with'] = {}, x = 'x'): GraphSpec => {
  const padding = Array.isArray(more['pads']) ? ((more['pads'] as number[])[0] ?? 0) : 0
  const side = Math.floor((28 + 2 * padding - kernel + 1) / 2)
  return {
    nodes: [
      { op: 'Conv', in: [x, 'c.weight', 'c.bias'], out: 'h', name: 'c', with: more },
      relu,
      { op: 'MaxPool', in: ['r'], out: 'p', with: { kernel_shape: [2, 2], strides: [2, 2] } },
      { op: 'Flatten', in: ['p'], out: 'f' },
      gemm('f', 'fc', 'y'),
    ],
    initializers: [
      ...[entry('c.weight', 4, 1, kernel, kernel), entry('c.bias', 4)],
      ...[entry('fc.weight', 10, 4 * side * side), entry('fc.bias', 10)],
    ],
  }
}
/** x.view(x.size(0), -1), as PyTorch's older exporter writes it. */
export const viewed: NodeSpec[] = [
  { op: 'Shape', in: ['x'], out: 's' },
  { op: 'Constant', in: [], out: 'zero', with: { value: int64s('zero', [], [0]) } },
  { op: 'Gather', in: ['s', 'zero'], out: 'n', with: { axis: 0 } },
  { op: 'Constant', in: [], out: 'axes', with: { value: int64s('axes', [1], [0]) } },
  { op: 'Unsqueeze', in: ['n', 'axes'], out: 'n1' },
  { op: 'Constant', in: [], out: 'rest', with: { value: int64s('rest', [1], [-1]) } },
  { op: 'Concat', in: ['n1', 'rest'], out: 'shape', with: { axis: 0 } },
  { op: 'Reshape', in: ['x', 'shape'], out: 'f' },
]
export const half = (name: string, shape: number[]) => {
  // float16 in int32_data, the form of onnx.helper.make_tensor: 0.5, -0.25 and 0 in turn
  const bits = Array.from({ length: size(shape) }, (_, i) => [0x3800, 0xb400, 0][i % 3] ?? 0)
  return tensorOf(name, shape, 10, [5, bits])
}
