// What a tfjs program calls that knows nothing of digitlab.
import * as tf from '@tensorflow/tfjs-core'

const values = (shape: readonly number[], seed: number, spread = 2): Float32Array => {
  let state = (seed * 2654435761 + 7) >>> 0
  const size = shape.reduce((product, side) => product * side, 1)
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 31 - 1) * spread
  })
}
export const floats = <R extends tf.Rank = tf.Rank>(shape: number[], seed = 1, spread = 2): tf.Tensor<R> =>
  tf.tensor<R>(values(shape, seed, spread), shape as tf.ShapeMap[R])
const positive = (shape: number[], seed = 1) => tf.tensor(values(shape, seed).map(Math.abs), shape)
export const integers = (shape: number[], below: number, seed = 1) =>
  tf.tensor(
    Int32Array.from(values(shape, seed), (value) => Math.floor(Math.abs(value) * 1000) % below),
    shape,
    'int32',
  )
export const booleans = (shape: number[], seed = 1) =>
  tf.tensor(
    Uint8Array.from(values(shape, seed), (v) => Number(v > 0)),
    shape,
    'bool',
  )

export type Result = tf.Tensor | tf.Tensor[]

/** Calls by the name of their kernels' file, each with a name of its own. */
export const cases: Record<string, Record<string, () => Result>> = {
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
