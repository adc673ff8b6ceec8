// ONNX files that are no model of ours, damaged or hostile.
import type { ModelDefinition } from '@digitlab/models'
import { describe, expect, test } from 'vitest'
import { findModel, readOnnx, WeightsError } from './index'
import { floats, int64s, message, onnxFile, tensorOf, type GraphSpec, type NodeSpec } from './testing/onnx-file'
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
  constant,
  scaled,
  convolution,
} from './testing/onnx-graphs'

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
    ['a size of 2^35', used(tensorOf('w', [2 ** 35, 784], 1)), 'takes more memory'],
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
      'takes more memory',
    ],
  ])('%s', (_, bytes, sentence) => {
    expect(() => readOnnx(bytes)).toThrow(WeightsError)
    expect(() => readOnnx(bytes)).toThrow(sentence)
  })
})
