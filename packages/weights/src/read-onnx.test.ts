import type { Model, ModelDefinition, StateDict } from '@digitlab/models'
import { disposeWeights, logits, uploadWeights } from '@digitlab/models/compute'
import '@tensorflow/tfjs-backend-cpu'
import { env, setBackend, tensor, tidy } from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { findModel, readOnnx, WeightsError } from './index'
import { floats, int64s, message, onnxFile, raw, tensorOf, type GraphSpec, type NodeSpec } from './testing/onnx-file'

beforeAll(async () => {
  env().set('IS_TEST', true)
  await setBackend('cpu')
})

/** Numbers that look like weights, the same for the same name. */
const some = (name: string, count: number): Float32Array => {
  const seed = Array.from(name, (letter) => letter.charCodeAt(0)).reduce((sum, code) => sum * 31 + code, 7) % 1000
  return Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i) / 10)
}
const size = (shape: readonly number[]) => shape.reduce((product, each) => product * each, 1)
const entry = (name: string, ...shape: number[]) => floats(name, shape, some(name, size(shape)))

const fc1 = [entry('fc1.weight', 20, 784), entry('fc1.bias', 20)]
const fc2 = [entry('fc2.weight', 10, 20), entry('fc2.bias', 10)]
const gemm = (x: string, layer: string, out: string, more: NodeSpec['with'] = {}): NodeSpec => ({
  ...{ op: 'Gemm', in: [x, `${layer}.weight`, `${layer}.bias`], out, name: layer },
  with: { transB: 1, ...more },
})
const flatten: NodeSpec = { op: 'Flatten', in: ['x'], out: 'f' }
const relu: NodeSpec = { op: 'Relu', in: ['h'], out: 'r' }
const plain: GraphSpec = {
  nodes: [flatten, gemm('f', 'fc1', 'h'), relu, gemm('r', 'fc2', 'y')],
  initializers: [...fc1, ...fc2],
}
const before = (...nodes: NodeSpec[]): NodeSpec[] => [
  ...nodes,
  { ...flatten, in: [nodes.at(-1)?.out ?? 'x'] },
  ...plain.nodes.slice(1),
]

/** [3, 28, 28] of numbers in [0, 1]. */
const images = Float32Array.from({ length: 3 * 784 }, (_, i) => (i % 3 === 0 ? 0 : (Math.sin(i) + 1) / 2))

const ours = async (model: Model, weights: StateDict): Promise<Float32Array> => {
  const uploaded = uploadWeights(model, weights)
  const output = tidy(() => logits(model, uploaded, tensor(images, [3, 28, 28, 1])))
  const values = (await output.data()) as Float32Array
  output.dispose()
  disposeWeights(uploaded)
  return values
}

const theirs = async (bytes: Uint8Array, shape: number[], type: 'float32' | 'uint8', output: string) => {
  const { InferenceSession, Tensor, env: ort } = await import('onnxruntime-web')
  ort.wasm.numThreads = 1
  const session = await InferenceSession.create(bytes)
  const values = type === 'uint8' ? Uint8Array.from(images, (value) => Math.round(value * 255)) : images
  const found = await session.run({ x: new Tensor(type, values as Float32Array, shape) })
  return found[output]?.data as Float32Array
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length)
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? NaN))))
}

const turned = (name: string, rows: number, columns: number) => {
  const values = some(name, rows * columns)
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? NaN)
}

const constant = (name: string, shape: number[], values: number[]): NodeSpec => ({
  ...{ op: 'Constant', in: [], out: name },
  with: { value: floats(name, shape, values) },
})

const scaled: NodeSpec[] = [
  constant('mean', [], [0.1307]),
  constant('std', [1], [0.3081]),
  { op: 'Sub', in: ['x', 'mean'], out: 'x1', name: 'center' },
  { op: 'Div', in: ['x1', 'std'], out: 'x2', name: 'spread' },
]
const convolution = (kernel: number, more: NodeSpec['with'] = {}, x = 'x'): GraphSpec => {
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
const viewed: NodeSpec[] = [
  { op: 'Shape', in: ['x'], out: 's' },
  { op: 'Constant', in: [], out: 'zero', with: { value: int64s('zero', [], [0]) } },
  { op: 'Gather', in: ['s', 'zero'], out: 'n', with: { axis: 0 } },
  { op: 'Constant', in: [], out: 'axes', with: { value: int64s('axes', [1], [0]) } },
  { op: 'Unsqueeze', in: ['n', 'axes'], out: 'n1' },
  { op: 'Constant', in: [], out: 'rest', with: { value: int64s('rest', [1], [-1]) } },
  { op: 'Concat', in: ['n1', 'rest'], out: 'shape', with: { axis: 0 } },
  { op: 'Reshape', in: ['x', 'shape'], out: 'f' },
]
const half = (name: string, shape: number[]) => {
  // float16 in int32_data, the form of onnx.helper.make_tensor: 0.5, -0.25 and 0 in turn
  const bits = Array.from({ length: size(shape) }, (_, i) => [0x3800, 0xb400, 0][i % 3] ?? 0)
  return tensorOf(name, shape, 10, [5, bits])
}

type Case = [
  what: string,
  spec: GraphSpec,
  layers: string,
  runtime?: { type?: 'uint8'; output?: string; shape?: number[] },
]
const mlp = 'flatten dense:fc1 relu dense:fc2'

describe('a graph that is a model computes here what onnxruntime makes of the file', () => {
  test.each<Case>([
    ['transB = 1', plain, mlp],
    [
      'transB = 0',
      {
        nodes: [flatten, gemm('f', 'fc1', 'h', { transB: 0 }), relu, gemm('r', 'fc2', 'y')],
        initializers: [floats('fc1.weight', [784, 20], turned('fc1.weight', 20, 784)), entry('fc1.bias', 20), ...fc2],
      },
      mlp,
    ],
    [
      'MatMul and Add, the bias first once, weights without names',
      {
        nodes: [
          flatten,
          { op: 'MatMul', in: ['f', 'm1'], out: 'h0' },
          { op: 'Add', in: ['fc1.bias', 'h0'], out: 'h' },
          relu,
          { op: 'MatMul', in: ['r', 'm2'], out: 'y0' },
          { op: 'Add', in: ['y0', 'b2'], out: 'y' },
        ],
        initializers: [entry('m1', 784, 20), entry('fc1.bias', 20), entry('m2', 20, 10), entry('b2', 1, 10)],
      },
      'flatten dense:fc1 relu dense:fc2',
    ],
    [
      'weights in Constant nodes, by way of Identity and Transpose',
      {
        nodes: [
          flatten,
          constant('held', [784, 20], [...some('held', 784 * 20)]),
          { op: 'Identity', in: ['held'], out: 'same' },
          { op: 'Transpose', in: ['same'], out: 'fc1.weight', with: { perm: [1, 0] } },
          gemm('f', 'fc1', 'h'),
          relu,
          gemm('r', 'fc2', 'y'),
        ],
        initializers: [entry('fc1.bias', 20), ...fc2],
      },
      mlp,
    ],
    [
      'Reshape for Flatten, with its shape in an initializer of int64',
      {
        nodes: [{ op: 'Reshape', in: ['x', 'shape'], out: 'f' }, ...plain.nodes.slice(1)],
        initializers: [...fc1, ...fc2, int64s('shape', [2], [-1, 784])],
      },
      mlp,
    ],
    ['Reshape by a computed shape', { ...plain, nodes: [...viewed, ...plain.nodes.slice(1)] }, mlp],
    [
      'Identity, Dropout in inference, a Cast between floats',
      {
        nodes: [
          { op: 'Identity', in: ['x'], out: 'x1' },
          { ...flatten, in: ['x1'] },
          gemm('f', 'fc1', 'h'),
          { op: 'Dropout', in: ['h'], out: 'd' },
          { ...relu, in: ['d'] },
          { op: 'Cast', in: ['r'], out: 'r1', with: { to: 1 } },
          gemm('r1', 'fc2', 'y'),
        ],
        initializers: plain.initializers,
      },
      mlp,
    ],
    ['normalization before the first layer', { ...plain, nodes: before(...scaled) }, mlp],
    [
      'normalization by multiplying and adding, before a convolution without padding',
      {
        ...convolution(3, {}, 'x2'),
        nodes: [
          { op: 'Mul', in: ['x', 'k'], out: 'x1' },
          { op: 'Add', in: ['k', 'x1'], out: 'x2' },
          ...convolution(3, {}, 'x2').nodes,
        ],
        initializers: [...convolution(3).initializers, floats('k', [1, 1, 1, 1], [3.25])],
      },
      'conv2d:c relu maxPool2d flatten dense:fc',
    ],
    [
      'a scale alone, before a convolution with padding',
      {
        nodes: [{ op: 'Div', in: ['x', 'k'], out: 'x1' }, ...convolution(3, { pads: [1, 1, 1, 1] }, 'x1').nodes],
        initializers: [...convolution(3, { pads: [1, 1, 1, 1] }).initializers, floats('k', [], [0.5])],
      },
      'conv2d:c relu maxPool2d flatten dense:fc',
    ],
    [
      'bytes that the graph divides by 255',
      {
        ...plain,
        inputType: 2,
        nodes: before({ op: 'Cast', in: ['x'], out: 'c', with: { to: 1 } }, constant('white', [], [255]), {
          ...{ op: 'Div', in: ['c', 'white'], out: 'x1' },
        }),
      },
      mlp,
      { type: 'uint8' },
    ],
    [
      'bytes as they are',
      {
        nodes: before({ op: 'Cast', in: ['x'], out: 'c', with: { to: 1 } }),
        initializers: [
          floats(
            'fc1.weight',
            [20, 784],
            some('fc1.weight', 15680).map((value) => value / 255),
          ),
          ...plain.initializers.slice(1),
        ],
        inputType: 2,
      },
      mlp,
      { type: 'uint8' },
    ],
    [
      'means of windows that overlap',
      {
        nodes: convolution(3).nodes.map((node) =>
          node.op === 'MaxPool'
            ? { ...node, op: 'AveragePool', with: { kernel_shape: [3, 3], strides: [2, 2] } }
            : node.op === 'Gemm'
              ? gemm('f', 'fc', 'y')
              : node,
        ),
        initializers: [
          ...[entry('c.weight', 4, 1, 3, 3), entry('c.bias', 4)],
          ...[entry('fc.weight', 10, 4 * 12 * 12), entry('fc.bias', 10)],
        ],
      },
      'conv2d:c relu avgPool2d flatten dense:fc',
    ],
    ['a convolution of 5', convolution(5), 'conv2d:c relu maxPool2d flatten dense:fc'],
    [
      'padding and SAME',
      {
        ...convolution(3, { pads: [1, 1, 1, 1] }),
        nodes: convolution(3, { auto_pad: { text: 'SAME_UPPER' } }).nodes,
      },
      'conv2d:c relu maxPool2d flatten dense:fc',
    ],
    [
      'layers without a bias',
      {
        nodes: [
          flatten,
          { op: 'MatMul', in: ['f', 'm1'], out: 'h' },
          relu,
          { op: 'Gemm', in: ['r', 'fc2.weight'], out: 'y', with: { transB: 1 } },
        ],
        initializers: [entry('m1', 784, 20), entry('fc2.weight', 10, 20)],
      },
      mlp,
    ],
    [
      'rows of 784 pixels',
      { ...plain, input: ['N', 784], nodes: [gemm('x', 'fc1', 'h'), ...plain.nodes.slice(2)] },
      mlp,
      { shape: [3, 784] },
    ],
    ['images without an axis of channels', { ...plain, input: ['N', 28, 28] }, mlp, { shape: [3, 28, 28] }],
    [
      'logits and their softmax',
      {
        ...plain,
        nodes: [...plain.nodes, { op: 'Softmax', in: ['y'], out: 'p', with: { axis: 1 } }],
        outputs: ['y', 'p'],
      },
      mlp,
    ],
    [
      'initializers that nothing uses',
      { ...plain, initializers: [...plain.initializers, int64s('steps', [], [7]), tensorOf('text', [1], 8, [6, 'a'])] },
      mlp,
    ],
  ])('%s', async (_, spec, layers, options = {}) => {
    const { type = 'float32', output = 'y', shape = [3, 1, 28, 28] } = options
    const bytes = onnxFile(spec)
    const held = readOnnx(bytes)
    const { model, weights } = findModel(held)
    expect(model.layers.map(({ type, name }) => (name === undefined ? type.type : `${type.type}:${name}`))).toEqual(
      layers.split(' '),
    )
    expect(model.definition.input).toEqual([28, 28, 1])
    const wanted = await theirs(bytes, shape, type, output)
    // Bytes are rounded for the runtime, and not for us.
    expect(largestDifference(await ours(model, weights), wanted)).toBeLessThan(type === 'uint8' ? 0.01 : 2e-5)
  })

  test('what was folded is said', () => {
    expect(readOnnx(onnxFile({ ...plain, nodes: before(...scaled) })).notes).toEqual([
      'its node "center" (Sub), node "spread" (Div) are folded into "fc1"',
    ])
    expect(readOnnx(onnxFile(plain)).notes).toEqual([])
  })

  test('a softmax alone at the end leaves the logits', () => {
    for (const op of ['Softmax', 'LogSoftmax']) {
      const nodes = [...plain.nodes, { op, in: ['y'], out: 'p', with: { axis: -1 } }]
      const held = readOnnx(onnxFile({ ...plain, nodes, outputs: ['p'] }))
      expect(held.graph.definition).toEqual(readOnnx(onnxFile(plain)).graph.definition)
    }
  })

  test('float16 in lists of integers, float8, float_data and bfloat16', () => {
    const graph = (w: Uint8Array) =>
      onnxFile({ nodes: [flatten, { op: 'Gemm', in: ['f', 'w'], out: 'y', with: { transB: 1 } }], initializers: [w] })
    const first = (w: Uint8Array) => [...(readOnnx(graph(w)).weights.get('fc1.weight')?.data.subarray(0, 3) ?? [])]
    expect(first(half('w', [2, 784]))).toEqual([0.5, -0.25, 0])
    const brain = Uint16Array.from({ length: 1568 }, (_, i) => [0x3f80, 0xc040, 0][i % 3] ?? 0)
    expect(first(tensorOf('w', [2, 784], 16, [9, raw(brain)]))).toEqual([1, -3, 0])
    const eighths = Uint8Array.from({ length: 1568 }, (_, i) => [0x38, 0xc0, 0][i % 3] ?? 0)
    expect(first(tensorOf('w', [2, 784], 17, [9, eighths]))).toEqual([1, -2, 0])
    const listed = raw(some('w', 1568))
    expect(first(tensorOf('w', [2, 784], 1, [4, listed]))).toEqual([...some('w', 3)])
  })
})

describe('a graph that is none is refused, and the node named', () => {
  const swap = (at: number, node: NodeSpec): GraphSpec => ({
    ...plain,
    nodes: plain.nodes.map((each, i) => (i === at ? node : each)),
  })
  test.each<[string, GraphSpec, string]>([
    [
      'Softsign',
      swap(2, { op: 'Softsign', in: ['h'], out: 'r' }),
      'its node of "r" (Softsign) computes what is not among',
    ],
    ['alpha', swap(1, gemm('f', 'fc1', 'h', { alpha: { float: 0.5 } })), 'its node "fc1" (Gemm) has alpha = 0.5'],
    ['beta', swap(1, gemm('f', 'fc1', 'h', { beta: { float: 2 } })), 'its node "fc1" (Gemm) has beta = 2'],
    ['transA', swap(1, gemm('f', 'fc1', 'h', { transA: 1 })), 'its node "fc1" (Gemm) transposes its input'],
    [
      'normalization behind a layer',
      {
        nodes: [
          flatten,
          gemm('f', 'fc1', 'h'),
          relu,
          { op: 'Mul', in: ['r', 'k'], out: 'r1', name: 'gain' },
          gemm('r1', 'fc2', 'y'),
        ],
        initializers: [...plain.initializers, floats('k', [], [2])],
      },
      'its node "gain" (Mul) multiplies by "k" of []',
    ],
    [
      'a shift before a convolution with padding',
      {
        nodes: [...scaled, ...convolution(3, { pads: [1, 1, 1, 1] }, 'x2').nodes],
        initializers: convolution(3, { pads: [1, 1, 1, 1] }).initializers,
      },
      'its node "center" (Sub) shifts the input of a convolution that pads it with zeros afterwards (node "c" (Conv))',
    ],
    [
      'a mean of each pixel',
      {
        nodes: before({ op: 'Sub', in: ['x', 'mean'], out: 'x1', name: 'center' }),
        initializers: [...plain.initializers, entry('mean', 1, 28, 28)],
      },
      'its node "center" (Sub) subtracts "mean" of [1, 28, 28]',
    ],
    [
      'floats from 0 to 255',
      {
        nodes: before(constant('white', [], [255]), { op: 'Div', in: ['x', 'white'], out: 'x1', name: 'white' }),
        initializers: plain.initializers,
      },
      'its node "white" (Div) scales an input of float down',
    ],
    [
      'a second bias',
      {
        nodes: [...plain.nodes.slice(0, 3), gemm('r', 'fc2', 'y0'), { op: 'Add', in: ['y0', 'fc2.bias'], out: 'y' }],
        initializers: plain.initializers,
      },
      'its node of "y" (Add) adds "fc2.bias" of [10]',
    ],
    [
      'a bias behind the ReLU',
      {
        nodes: [
          flatten,
          { op: 'MatMul', in: ['f', 'm1'], out: 'h' },
          relu,
          { op: 'Add', in: ['r', 'fc1.bias'], out: 'r1' },
          gemm('r1', 'fc2', 'y'),
        ],
        initializers: [entry('m1', 784, 20), entry('fc1.bias', 20), ...fc2],
      },
      'its node of "r1" (Add) adds "fc1.bias" of [20]',
    ],
    [
      'a branch',
      {
        nodes: [...plain.nodes.slice(0, 3), { op: 'Add', in: ['r', 'h'], out: 'r1' }, gemm('r1', 'fc2', 'y')],
        initializers: plain.initializers,
      },
      'its graph branches: "h" goes into node of "r" (Relu) and node of "r1" (Add)',
    ],
    ['another output', { ...plain, outputs: ['h'] }, 'its graph gives "h", expected "y"'],
    [
      'an axis',
      { ...plain, nodes: [{ ...flatten, with: { axis: 2 } }, ...plain.nodes.slice(1)] },
      '(Flatten) flattens from axis 2',
    ],
    [
      'training',
      {
        nodes: [
          flatten,
          { op: 'Dropout', in: ['f', 'ratio', 'on'], out: 'd' },
          gemm('d', 'fc1', 'h'),
          ...plain.nodes.slice(2),
        ],
        initializers: [...plain.initializers, floats('ratio', [], [0.5]), tensorOf('on', [], 9, [9, Uint8Array.of(1)])],
      },
      '(Dropout) drops values as in training',
    ],
    [
      'groups that the filters are not of',
      convolution(3, { group: 2 }),
      'its node "c" (Conv) takes filters of [4, 1, 3, 3] for inputs of [1, 28, 28]',
    ],
    ['dilation', convolution(3, { dilations: [2, 2] }), 'its node "c" (Conv) is dilated'],
    [
      'sides that differ',
      convolution(3, { pads: [1, 0, 0, 0] }),
      'its node "c" (Conv) has padding that differs from side to side',
    ],
    [
      'a Reshape across the batch',
      {
        nodes: [{ op: 'Reshape', in: ['x', 'shape'], out: 'f' }, ...plain.nodes.slice(1)],
        initializers: [...plain.initializers, int64s('shape', [2], [14, -1])],
      },
      'its node of "f" (Reshape) makes [14, -1], which mixes the images of a batch',
    ],
    [
      'a domain',
      swap(2, { ...relu, domain: 'com.example' }),
      'its node of "r" (Relu) is of "com.example", not of ONNX',
    ],
    ['functions', { ...plain, model: [[25, message([1, 'f'])]] }, 'it has functions of its own'],
    ['sparse weights', { ...plain, graph: [[15, message()]] }, 'sparse initializers'],
    ['an open size', { ...plain, input: ['N', 1, 'h', 'w'] }, 'its input "x" is of [any, 1, any, any], expected'],
    ['other features', { ...plain, input: ['N', 700] }, 'expected [N, channels, height, width] or [N, 784]'],
    [
      'integers for weights',
      {
        nodes: [flatten, gemm('f', 'fc1', 'y')],
        initializers: [
          int64s('fc1.weight', [1, 784], some('', 784).fill(1) as unknown as number[]),
          entry('fc1.bias', 1),
        ],
      },
      'takes "fc1.weight" of integers',
    ],
    [
      'weights that do not fit',
      { nodes: [flatten, gemm('f', 'fc2', 'y')], initializers: fc2 },
      'takes weights of [10, 20] for inputs of [784]',
    ],
  ])('%s', (_, spec, sentence) => {
    const read = () => readOnnx(onnxFile(spec), 'x.onnx')
    expect(read).toThrow(WeightsError)
    expect(read).toThrow(sentence)
    expect(read).not.toThrow('no sound')
  })

  test('a model that was named must be what the graph is', () => {
    const held = readOnnx(onnxFile(plain))
    expect(() => findModel(held, { model: 'two-layer', name: 'x.onnx' })).toThrow(
      'the graph of x.onnx is not the model "two-layer": its layer 2 is dense, out 20, the model\'s dense, out 100',
    )
    expect(() => findModel(held, { model: 'cnn' })).toThrow('its layer 1 is flatten')
    const mine: ModelDefinition = {
      name: 'mine',
      input: [28, 28, 1],
      layers: [
        { type: 'flatten' },
        { type: 'dense', name: 'a', out: 20 },
        { type: 'relu' },
        { type: 'dense', name: 'b', out: 10 },
      ],
    }
    const named = findModel(held, { model: mine })
    expect([...named.weights.keys()]).toEqual(['a.weight', 'a.bias', 'b.weight', 'b.bias'])
    expect(named.weights.get('b.weight')?.data).toEqual(some('fc2.weight', 200))
  })
})

describe('weights beside the model', () => {
  const place = (location: string, offset: string, length: string): [number, Uint8Array][] =>
    Object.entries({ location, offset, length }).map(([key, value]) => [13, message([1, key], [2, value])])
  const spec = (...where: [number, Uint8Array][]): GraphSpec => ({
    nodes: [flatten, gemm('f', 'fc2', 'y')],
    initializers: [tensorOf('fc2.weight', [10, 784], 1, ...where, [14, 1]), entry('fc2.bias', 10)],
  })

  test('are read at their place', () => {
    const values = some('fc2.weight', 7840)
    const asked: unknown[] = []
    const held = readOnnx(onnxFile(spec(...place('sub/a.data', '4096', '31360'))), 'x.onnx', {
      external: (...where) => {
        asked.push(where)
        return raw(values)
      },
    })
    expect(asked).toEqual([['sub/a.data', 4096, 31360]])
    expect(held.weights.get('fc2.weight')?.data).toEqual(values)
  })

  test.each(['../a.data', '/a.data', 'a/../../b', '..\\a', 'C:\\a', '\\\\host\\a', '..', ''])(
    'are not looked for at %j',
    (location) => {
      const external = () => {
        throw new Error('it was looked for')
      }
      expect(() => readOnnx(onnxFile(spec(...place(location, '0', '31360'))), 'x.onnx', { external })).toThrow(
        'only files in the folder of the model are read',
      )
    },
  )

  test('that are missing, too short or of another length are refused', () => {
    const bytes = onnxFile(spec(...place('a.data', '0', '31360')))
    expect(() => readOnnx(bytes)).toThrow('"fc2.weight" lies in "a.data", a file of its own')
    expect(() => readOnnx(bytes, 'x', { external: () => new Uint8Array(7) })).toThrow('which has 7 of these')
    const longer = onnxFile(spec(...place('a.data', '0', '31364')))
    expect(() => readOnnx(longer, 'x', { external: () => new Uint8Array(0) })).toThrow('in 31364 bytes, expected 31360')
  })
})

describe('an ONNX file that is damaged or hostile', () => {
  const used = (w: Uint8Array): Uint8Array =>
    onnxFile({ nodes: [flatten, { op: 'Gemm', in: ['f', 'w'], out: 'y', with: { transB: 1 } }], initializers: [w] })
  const good = onnxFile(plain)
  test.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'expected one graph, found 0'],
    ['half', good.subarray(0, 80), 'it is cut off or damaged'],
    ['an element type that is none', used(tensorOf('w', [2, 784], 99, [9, new Uint8Array(0)])), '"w" is of type 99'],
    ['too few bytes', used(tensorOf('w', [2, 784], 1, [9, new Uint8Array(4)])), 'takes 6272 bytes, found 4'],
    ['no values', used(tensorOf('w', [2, 784], 1)), 'takes 6272 bytes, found no raw data'],
    ['a size of 2^35', used(tensorOf('w', [2 ** 35, 784], 1)), 'asks for more memory'],
    ['a negative size', used(tensorOf('w', [-1], 1)), 'the shape of "w" is [-1]'],
    [
      'a name twice',
      onnxFile({ ...plain, initializers: [...plain.initializers, ...fc1] }),
      '"fc1.weight" is there twice',
    ],
    [
      'a value made twice',
      onnxFile({ ...plain, nodes: [...plain.nodes, { ...relu, in: ['q'] }] }),
      'gives "r", which is there already',
    ],
    [
      'a circle',
      onnxFile({
        ...plain,
        nodes: [
          { op: 'Relu', in: ['x', 'z'], out: 'y' },
          { op: 'Identity', in: ['y'], out: 'z' },
        ],
      }),
      'takes what comes of itself',
    ],
    [
      'constants in a circle',
      onnxFile({
        nodes: [
          flatten,
          { op: 'Identity', in: ['a'], out: 'b' },
          { op: 'Identity', in: ['b'], out: 'a' },
          { op: 'MatMul', in: ['f', 'a'], out: 'y' },
        ],
        initializers: [],
      }),
      'takes "a", which the graph computes, for weights',
    ],
    [
      'a shape that is computed a billion times over',
      onnxFile({
        nodes: [
          { op: 'Shape', in: ['x'], out: 's0' },
          ...Array.from({ length: 15 }, (_, i): NodeSpec => ({
            op: 'Concat',
            in: new Array<string>(16).fill(`s${i}`),
            out: `s${i + 1}`,
          })),
          { op: 'Reshape', in: ['x', 's15'], out: 'y' },
        ],
        initializers: [],
      }),
      'asks for more memory',
    ],
  ])('%s', (_, bytes, sentence) => {
    expect(() => readOnnx(bytes)).toThrow(WeightsError)
    expect(() => readOnnx(bytes)).toThrow(sentence)
  })

  test('whatever is flipped, cut or put together, nothing but a WeightsError comes out', () => {
    const read = (bytes: Uint8Array) => {
      try {
        readOnnx(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(WeightsError)
        expect((error as Error).message.length).toBeLessThan(800)
      }
    }
    const small = onnxFile({
      ...{ nodes: [...viewed, gemm('f', 'fc', 'y')], input: ['N', 1, 2, 2] },
      initializers: [entry('fc.weight', 2, 4), entry('fc.bias', 2)],
    })
    const flips = fc.array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(flips, fc.nat(small.length), (flips, cut) => {
        const bytes = Uint8Array.from(small)
        for (const [at, value] of flips) bytes[at] = value
        read(bytes)
        read(bytes.subarray(0, cut))
      }),
      { numRuns: 2000 },
    )
    // Graphs of sound nodes in any order, wired at random.
    const name = fc.constantFrom('x', 'f', 'h', 'r', 'y', 'fc1.weight', 'fc1.bias', 'shape', '')
    const node: fc.Arbitrary<NodeSpec> = fc.record({
      op: fc.constantFrom(
        ...[
          'Gemm',
          'MatMul',
          'Conv',
          'Relu',
          'MaxPool',
          'Flatten',
          'Reshape',
          'Identity',
          'Dropout',
          'Cast',
          'Softmax',
        ],
        ...['Add', 'Sub', 'Mul', 'Div', 'Unsqueeze', 'Shape', 'Gather', 'Concat', 'Constant', 'Transpose', 'Sigmoid'],
      ),
      in: fc.array(name, { maxLength: 3 }),
      out: name,
      with: fc.dictionary(
        fc.constantFrom(
          'transB',
          'axis',
          'pads',
          'strides',
          'kernel_shape',
          'to',
          'perm',
          'value',
          'value_ints',
          'auto_pad',
        ),
        fc.oneof(fc.integer({ min: -3, max: 3 }), fc.array(fc.integer({ min: -2, max: 3 }), { maxLength: 4 })),
      ),
    })
    fc.assert(
      fc.property(fc.array(node, { maxLength: 7 }), (nodes) =>
        read(
          onnxFile({
            nodes,
            input: ['N', 1, 2, 2],
            initializers: [entry('fc1.weight', 2, 4), entry('fc1.bias', 2), int64s('shape', [2], [-1, 4])],
          }),
        ),
      ),
      { numRuns: 2000 },
    )
  })
})
