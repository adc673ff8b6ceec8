// What a tfjs program calls that knows nothing of digitlab: every kernel against tfjs's own cpu backend.
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeEach, describe, expect, test } from 'vitest'
import { testedBackend, untestable } from '../standin/backend'

const values = (shape: readonly number[], seed: number, spread = 2): Float32Array => {
  let state = (seed * 2654435761 + 7) >>> 0
  const size = shape.reduce((product, side) => product * side, 1)
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 31 - 1) * spread
  })
}
const floats = <R extends tf.Rank = tf.Rank>(shape: number[], seed = 1, spread = 2): tf.Tensor<R> =>
  tf.tensor<R>(values(shape, seed, spread), shape as tf.ShapeMap[R])
const positive = (shape: number[], seed = 1) => tf.tensor(values(shape, seed).map(Math.abs), shape)
const integers = (shape: number[], below: number, seed = 1) =>
  tf.tensor(
    Int32Array.from(values(shape, seed), (value) => Math.floor(Math.abs(value) * 1000) % below),
    shape,
    'int32',
  )
const booleans = (shape: number[], seed = 1) =>
  tf.tensor(
    Uint8Array.from(values(shape, seed), (v) => Number(v > 0)),
    shape,
    'bool',
  )

type Result = tf.Tensor | tf.Tensor[]
let cuda = ''

/** The results of a computation on a backend: types, shapes and values. */
const on = async (name: string, compute: () => Result) => {
  expect(await tf.setBackend(name)).toBe(true)
  const before = tf.memory().numTensors
  const made = tf.tidy(compute)
  const results = Array.isArray(made) ? made : [made]
  const read = await Promise.all(
    results.map(async (result) => ({
      dtype: result.dtype,
      shape: result.shape,
      values: Array.from(await result.data()),
    })),
  )
  tf.dispose(results)
  expect(tf.memory().numTensors, `tensors left on ${name}`).toBe(before)
  return read
}

const cases: Record<string, Record<string, () => Result>> = {
  'elementwise, one operand': {
    ...Object.fromEntries(
      (
        [
          ...['neg', 'abs', 'exp', 'relu', 'relu6', 'square', 'sigmoid', 'tanh', 'floor', 'ceil', 'round', 'sign'],
          ...['elu', 'sin', 'cos', 'softplus', 'expm1', 'isNaN', 'isFinite', 'step'],
        ] as const
      ).map((name) => [name, () => tf[name as 'neg'](floats([3, 5, 7], 1, 3))]),
    ),
    ...Object.fromEntries(
      (['log', 'sqrt', 'rsqrt', 'reciprocal', 'log1p'] as const).map((name) => [
        name,
        () => tf[name](positive([4, 9])),
      ]),
    ),
    'round to even': () => tf.round(tf.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 3.2, -3.7, 1e9])),
    'exp and log of large and small': () => [
      tf.exp(tf.tensor([-200, -100, -1e-9, 0, 50, 88, 89, 1000, -Infinity, Infinity, NaN])),
      tf.log(tf.tensor([1e-40, 1e-30, 1, 3e38, 0, -1, Infinity, NaN])),
    ],
    'integers keep their type': () => [tf.neg(integers([5], 9)), tf.abs(integers([5], 9)), tf.square(integers([5], 9))],
    clip: () => tf.clipByValue(floats([30]), -0.5, 1),
    leakyRelu: () => tf.leakyRelu(floats([30]), 0.1),
    cast: () => [
      ...[tf.cast(floats([20]), 'int32'), tf.cast(floats([20]), 'bool'), tf.cast(integers([9], 5), 'float32')],
      ...[tf.cast(booleans([9]), 'float32'), tf.cast(booleans([9]), 'int32')],
    ],
    logicalNot: () => tf.logicalNot(booleans([9])),
    'fill, zeros, ones': () => [
      tf.fill([2, 3], 4),
      tf.zerosLike(integers([3], 4)),
      tf.onesLike(floats([2, 2])),
      tf.eye(3),
    ],
  },
  'elementwise, two operands': {
    ...Object.fromEntries(
      (['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'squaredDifference', 'greater', 'less'] as const).map(
        (name) => [name, () => tf[name](floats([3, 4, 5], 1), floats([3, 4, 5], 2))],
      ),
    ),
    'comparisons of equal values': () =>
      (['equal', 'notEqual', 'greaterEqual', 'lessEqual'] as const).map((name) =>
        tf[name](integers([40], 4, 1), integers([40], 4, 2)),
      ),
    'broadcast rows, columns, scalars, both': () => [
      tf.add(floats([3, 4]), floats([4], 2)),
      tf.mul(floats([3, 4]), floats([3, 1], 2)),
      tf.sub(floats([2, 3, 4]), tf.scalar(2)),
      tf.add(floats([3, 1, 5]), floats([4, 1], 2)),
      tf.add(floats([2, 1, 3, 1, 2, 1]), floats([1, 2, 1, 3, 1, 2], 2)),
    ],
    pow: () => [
      tf.pow(positive([9]), floats([9], 2)),
      tf.pow(floats([9]), tf.scalar(3)),
      tf.pow(floats([5]), tf.scalar(0)),
    ],
    'integer division and remainder': () => [
      tf.floorDiv(integers([20], 50, 1), tf.scalar(7, 'int32')),
      tf.mod(floats([20]), tf.scalar(0.7)),
    ],
    logical: () => [
      tf.logicalAnd(booleans([9], 1), booleans([9], 2)),
      tf.logicalOr(booleans([9], 1), booleans([9], 2)),
    ],
    where: () => tf.where(booleans([3, 4], 3), floats([3, 4]), floats([3, 4], 2)),
    prelu: () => [
      tf.prelu(floats([4, 5]), floats([5], 2)),
      tf.prelu(tf.sub(integers([4, 5], 9), tf.scalar(4, 'int32')), floats([5], 2)),
    ],
    addN: () => tf.addN([floats([3]), floats([3], 2), floats([3], 3)]),
  },
  'matrix products': {
    ...Object.fromEntries(
      [false, true].flatMap((a) =>
        [false, true].map((b) => [
          `transposed ${a}, ${b}`,
          () =>
            [
              [1, 1, 1],
              [5, 7, 3],
              [33, 70, 65],
            ].map(([m = 0, k = 0, n = 0]) =>
              tf.matMul(floats(a ? [k, m] : [m, k]), floats(b ? [n, k] : [k, n], 2), a, b),
            ),
        ]),
      ),
    ),
    stacks: () => [
      tf.matMul(floats([3, 4, 5]), floats([3, 5, 2], 2)),
      tf.matMul(floats([3, 4, 5]), floats([1, 5, 2], 2)),
    ],
    fused: () =>
      (['linear', 'relu', 'relu6', 'elu', 'sigmoid'] as const).map((activation) =>
        tf.fused.matMul({ a: floats([5, 6]), b: floats([6, 4], 2), bias: floats([4], 3), activation }),
      ),
    'of integers, modulo 2^32': () => [
      tf.matMul(integers([2, 3, 4], 50), tf.expandDims(integers([4, 5], 50, 2), 0)),
      tf.matMul(tf.fill([2, 2], 70_000, 'int32'), tf.fill([2, 2], 70_000, 'int32')),
    ],
    'dot and outer': () => [
      tf.dot(floats([7]), floats([7], 2)),
      tf.outerProduct(tf.tensor1d([1, 2]), tf.tensor1d([3, 4, 5])),
    ],
  },
  convolution: {
    ...Object.fromEntries(
      (
        [
          [[2, 7, 6, 3], [3, 3, 3, 5], 1, 'same'],
          [[2, 9, 8, 2], [3, 2, 2, 4], [2, 3], 'same'],
          [[1, 10, 10, 4], [5, 5, 4, 8], 2, 'valid'],
          [[3, 8, 8, 5], [1, 1, 5, 9], 1, 0],
        ] as const
      ).map(([x, filter, strides, pad]) => [
        `[${x.join()}] * [${filter.join()}], ${pad}`,
        () => {
          const [image, taps] = [floats<tf.Rank.R4>([...x]), floats<tf.Rank.R4>([...filter], 2)]
          const by = typeof strides === 'number' ? strides : ([...strides] as [number, number])
          const y = tf.conv2d(image, taps, by, pad)
          const dy = floats(y.shape, 3)
          const attributes = { strides: by, pad, dataFormat: 'NHWC' }
          const run = (name: string, inputs: tf.NamedTensorMap, more: object): tf.Tensor =>
            tf.engine().runKernel(name, inputs, { ...attributes, ...more })
          return [
            y,
            run('Conv2DBackpropFilter', { x: image, dy }, { filterShape: taps.shape }),
            run('Conv2DBackpropInput', { dy, filter: taps }, { inputShape: image.shape }),
          ]
        },
      ]),
    ),
    dilated: () =>
      tf.conv2d(floats<tf.Rank.R4>([1, 12, 11, 2]), floats<tf.Rank.R4>([3, 3, 2, 3], 2), 1, 'same', 'NHWC', 2),
    'fused with bias and ReLU': () =>
      tf.fused.conv2d({
        x: floats<tf.Rank.R4>([2, 6, 6, 3]),
        filter: floats<tf.Rank.R4>([3, 3, 3, 6], 2),
        ...{ strides: 1, pad: 'same', bias: floats([6], 3), activation: 'relu' },
      }),
  },
  pool: {
    ...Object.fromEntries(
      (
        [
          [2, 2, 0],
          [3, 2, 'same'],
          [3, 1, 'valid'],
        ] as const
      ).map(([size, stride, pad]) => [
        `${size} by ${stride}, ${pad}`,
        () => {
          const x = floats<tf.Rank.R4>([2, 9, 8, 3])
          const attributes = { filterSize: size, strides: stride, pad }
          const [largest, average] = [tf.maxPool(x, size, stride, pad), tf.avgPool(x, size, stride, pad)]
          const dy = floats(largest.shape, 2)
          const run = (name: string, inputs: tf.NamedTensorMap): tf.Tensor =>
            tf.engine().runKernel(name, inputs, attributes)
          return [
            ...[largest, average, run('MaxPoolGrad', { dy, input: x, output: largest })],
            run('AvgPoolGrad', { dy, input: x }),
          ]
        },
      ]),
    ),
  },
  'pool of integers': {
    largest: () => tf.maxPool(integers([1, 6, 6, 2], 2 ** 28) as tf.Tensor4D, 2, 2, 0),
  },
  reduce: {
    ...Object.fromEntries(
      (['sum', 'mean', 'max', 'min', 'prod'] as const).map((name) => [
        name,
        () => [
          ...[tf[name](floats([3, 4, 5])), tf[name](floats([3, 4, 5]), 0), tf[name](floats([3, 4, 5]), [0, 2])],
          ...[tf[name](floats([3, 4, 5]), -1, true), tf[name](floats([2, 3, 4]), [1], true)],
        ],
      ]),
    ),
    'long rows': () => [tf.sum(floats([100_000])), tf.mean(floats([3, 5000]), 1), tf.max(floats([3, 5000]), 1)],
    'integers and booleans': () => [
      ...[tf.sum(integers([40], 9)), tf.sum(booleans([40])), tf.any(booleans([4, 5]), 1), tf.all(booleans([4, 5]), 0)],
    ],
    'argMax and argMin, the first at a tie': () => [
      ...[tf.argMax(floats([4, 700]), 1), tf.argMin(floats([5, 6, 7]), 1), tf.argMax(integers([30, 40], 3), 0)],
      tf.argMax(integers([2, 900], 2), 1),
    ],
    'logSumExp and norm': () => [tf.logSumExp(floats([3, 4]), 1), tf.norm(floats([3, 4]))],
  },
  softmax: {
    rows: () => [tf.softmax(floats([5, 10])), tf.softmax(floats([3, 2, 70], 1, 30)), tf.logSoftmax(floats([9, 3]))],
  },
  'moved elements': {
    transpose: () => [
      tf.transpose(floats([3, 4])),
      tf.transpose(floats([2, 3, 4, 5]), [3, 1, 0, 2]),
      tf.transpose(booleans([2, 3])),
    ],
    slice: () => [
      ...[
        tf.slice(floats([5, 6]), [1, 2], [3, 4]),
        tf.slice(floats([7]), 2),
        tf.slice(integers([3, 4, 5], 9), [0, 1, 2], [-1, 2, -1]),
      ],
    ],
    stridedSlice: () => [
      tf.stridedSlice(floats([6, 7]), [0, 1], [6, 7], [2, 3]),
      tf.stridedSlice(floats([8]), [7], [0], [-2]),
      tf.stridedSlice(floats([4, 5]), [1, 0], [2, 5], [1, 1], 0, 0, 0, 0, 1),
    ],
    concat: () => [
      ...[
        tf.concat([floats([2, 3]), floats([4, 3], 2)], 0),
        tf.concat([floats([2, 3]), floats([2, 1], 2), floats([2, 2], 3)], 1),
      ],
      tf.concat([integers([2], 5), integers([3], 7)]),
    ],
    'stack, unstack, split': () => [
      ...[
        tf.stack([floats([2, 3]), floats([2, 3], 2)], 1),
        ...tf.unstack(floats([3, 2])),
        ...tf.split(floats([6, 2]), 3),
      ],
      ...tf.split(floats([2, 7]), [2, 4, 1], 1),
    ],
    'tile, reverse, pad': () => [
      ...[tf.tile(floats([2, 3]), [2, 3]), tf.reverse(floats([3, 4]), 1), tf.reverse(floats([2, 3, 4]), [0, 2])],
      ...[
        tf.pad(
          floats([2, 3]),
          [
            [1, 2],
            [0, 1],
          ],
          5,
        ),
        tf.pad(integers([2], 4), [[1, 1]]),
      ],
    ],
    'reshape, expandDims, broadcastTo, clone': () => [
      ...[
        tf.reshape(floats([4, 6]), [3, -1]),
        tf.expandDims(floats([3, 2]), 1),
        tf.broadcastTo(floats([3, 1]), [2, 3, 4]),
      ],
      tf.clone(floats([3])),
    ],
  },
  gather: {
    gather: () => [
      tf.gather(floats([5, 3]), integers([7], 5)),
      tf.gather(floats([4, 6, 2]), integers([2, 3], 6), 1),
      tf.gather(integers([9], 50), integers([4], 9)),
    ],
    unsortedSegmentSum: () => tf.unsortedSegmentSum(floats([7, 3]), integers([7], 4) as tf.Tensor1D, 4),
    oneHot: () => [tf.oneHot(integers([6], 5), 5), tf.oneHot(integers([2, 3], 4), 4, 2, -1)],
  },
}

describe.each(Object.entries(cases))('%s', (_, group) => {
  beforeEach(async () => {
    if (untestable !== undefined) return
    tf.env().set('IS_TEST', true)
    await testedBackend().start()
    cuda = tf.getBackend()
  })
  for (const [name, compute] of Object.entries(group))
    test(name, async (context) => {
      if (untestable !== undefined) return context.skip(untestable)
      const [want, got] = [await on('cpu', compute), await on(cuda, compute)]
      expect(got.map(({ dtype, shape }) => [dtype, shape])).toEqual(want.map(({ dtype, shape }) => [dtype, shape]))
      for (const [i, { values, dtype }] of want.entries()) {
        const ours = got[i]?.values ?? []
        const scale = values.reduce(
          (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
          1,
        )
        for (const [j, value] of values.entries()) {
          const mine = ours[j] ?? NaN
          if (dtype !== 'float32' || !Number.isFinite(value)) expect(mine, `${i}, ${j}`).toBe(value)
          else expect(Math.abs(mine - value), `${i}, ${j}: ${mine} where ${value} is right`).toBeLessThan(2e-6 * scale)
        }
      }
    })
})

describe('a small program', () => {
  beforeEach(async () => {
    if (untestable === undefined) await testedBackend().start()
  })
  test('trains a model with a strided convolution, and leaks nothing', async (context) => {
    if (untestable !== undefined) return context.skip(untestable)
    const [x, target] = [floats<tf.Rank.R4>([8, 9, 9, 2], 1, 1), floats<tf.Rank.R2>([8, 3], 2, 1)]
    const before = tf.memory().numTensors
    let [filter, weight] = [floats<tf.Rank.R4>([3, 3, 2, 4], 3, 1), floats<tf.Rank.R2>([100, 3], 4, 1)]
    const losses: number[] = []
    for (let i = 0; i < 30; i++) {
      const next = tf.tidy(() => {
        const rectified = tf.relu(tf.conv2d(x, filter, 2, 'same')) // [8, 5, 5, 4]
        const flat = tf.reshape<tf.Rank.R2>(rectified, [8, 100])
        const difference = tf.sub<tf.Tensor2D>(tf.matMul(flat, weight), target)
        losses.push(tf.mean(tf.square(difference)).dataSync()[0] ?? NaN)
        const back = tf.reshape(tf.matMul(difference, weight, false, true), rectified.shape)
        const dFilter: tf.Tensor = tf
          .engine()
          .runKernel(
            'Conv2DBackpropFilter',
            { x, dy: tf.mul(back, tf.step(rectified)) },
            { strides: 2, pad: 'same', dataFormat: 'NHWC', filterShape: filter.shape },
          )
        const dWeight = tf.matMul(flat, difference, true, false)
        return [
          tf.sub<tf.Tensor4D>(filter, tf.mul(dFilter, 0.002)),
          tf.sub<tf.Tensor2D>(weight, tf.mul(dWeight, 0.002)),
        ] as const
      })
      tf.dispose([filter, weight])
      ;[filter, weight] = next
    }
    expect(losses.at(-1)).toBeLessThan(0.3 * (losses[0] ?? 0))
    tf.dispose([filter, weight])
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([x, target])
  })

  test('multiplies stacks that are broadcast against each other, which the stock cpu backend gets wrong', async (context) => {
    if (untestable !== undefined) return context.skip(untestable)
    const [got, want] = tf.tidy((): [tf.Tensor, tf.Tensor] => {
      const [a, b] = [floats([2, 1, 4, 5]), floats([1, 3, 5, 2], 2)]
      return [tf.matMul(a, b), tf.matMul(tf.broadcastTo(a, [2, 3, 4, 5]), tf.broadcastTo(b, [2, 3, 5, 2]))]
    })
    expect(await got.data()).toEqual(await want.data())
    expect(got.shape).toEqual([2, 3, 4, 2])
    tf.dispose([got, want])
  })

  test('what the backend does not take is refused with what to do', (context) => {
    if (untestable !== undefined) return context.skip(untestable)
    expect(() =>
      tf.tidy(() => tf.conv2d(floats<tf.Rank.R4>([1, 2, 4, 4]), floats<tf.Rank.R4>([1, 1, 2, 2]), 1, 0, 'NCHW')),
    ).toThrow('NHWC, not NCHW')
    expect(() => tf.complex([1], [2])).toThrow()
  })
})

describe('what does not fit is refused before it is launched, and the next call works', () => {
  beforeEach(async () => {
    if (untestable === undefined) await testedBackend().start()
  })
  const run = (name: string, inputs: tf.NamedTensorMap, attributes: object) =>
    tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap)
  test.for<[string, () => unknown]>([
    ['matMul', () => tf.matMul(floats([2, 3]), floats([4, 2]))],
    [
      'matMul of a vector',
      () => run('BatchMatMul', { a: floats([3]), b: floats([3, 2]) }, { transposeA: false, transposeB: false }),
    ],
    ['concat', () => run('Concat', { a: floats([2, 3]), b: floats([3, 2]) }, { axis: 0 })],
    ['stack', () => run('Pack', { a: floats([2]), b: floats([3]) }, { axis: 0 })],
    ['split', () => run('SplitV', { x: floats([4, 2]) }, { numOrSizeSplits: [3, 3], axis: 0 })],
    ['reshape', () => run('Reshape', { x: floats([4]) }, { shape: [5] })],
    ['transpose', () => run('Transpose', { x: floats([2, 3]) }, { perm: [0, 0] })],
    ['tile', () => run('Tile', { x: floats([2, 3]) }, { reps: [2] })],
    ['pad', () => run('PadV2', { x: floats([2]) }, { paddings: [[-1, 0]], constantValue: 0 })],
    ['broadcastTo', () => run('BroadcastTo', { x: floats([3]) }, { shape: [2, 4] })],
    ['select', () => run('Select', { condition: booleans([2]), t: floats([3, 2]), e: floats([3, 2]) }, {})],
    [
      'unsortedSegmentSum',
      () => run('UnsortedSegmentSum', { x: floats([3, 2]), segmentIds: integers([5], 2) }, { numSegments: 2 }),
    ],
    ['gather by floats', () => run('GatherV2', { x: floats([3]), indices: floats([2]) }, { axis: 0, batchDims: 0 })],
    ['softmax of integers', () => run('Softmax', { logits: integers([2, 3], 5) }, { dim: 1 })],
    [
      'avgPoolGrad',
      () =>
        run(
          'AvgPoolGrad',
          { dy: floats([1, 1, 1, 1]), input: floats([1, 4, 4, 1]) },
          { filterSize: 2, strides: 2, pad: 'valid' },
        ),
    ],
    ['a tensor of 2^31 values', () => tf.fill([2 ** 16, 2 ** 15], 1)],
  ])('%s', async ([, call], context) => {
    if (untestable !== undefined) return context.skip(untestable)
    expect(() => tf.tidy(() => void call())).toThrow(/^(?!CUDA_ERROR)/)
    const sum = tf.tidy(() => tf.sum(tf.tensor1d([1, 2, 3])))
    expect(await sum.data()).toEqual(Float32Array.of(6))
    sum.dispose()
  })
  test('concat of something empty keeps its length', async (context) => {
    if (untestable !== undefined) return context.skip(untestable)
    expect(tf.tidy(() => tf.concat([tf.zeros([0, 5]), tf.zeros([0, 10])], 1).shape)).toEqual([0, 15])
  })
})
