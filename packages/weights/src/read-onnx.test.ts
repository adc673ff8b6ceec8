import type { Model, StateDict } from '@digitlab/models'
import { disposeWeights, logits, uploadWeights } from '@digitlab/models/compute'
import '@tensorflow/tfjs-backend-cpu'
import { env, setBackend, tensor, tidy } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { findModel, readOnnx } from './index'
import { floats, int64s, message, onnxFile, raw, tensorOf, type GraphSpec } from './testing/onnx-file'
import {
  some,
  entry,
  fc1,
  fc2,
  gemm,
  flatten,
  relu,
  plain,
  before,
  turned,
  constant,
  scaled,
  convolution,
  viewed,
  half,
} from './testing/onnx-graphs'

beforeAll(async () => {
  env().set('IS_TEST', true)
  await setBackend('cpu')
})

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
