// What a tfjs program calls that knows nothing of digitlab: every kernel against tfjs's own cpu backend.
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeEach, describe, expect, test } from 'vitest'
import { testedBackend, untestable } from '../standin/backend'
import { booleans, cases, floats, integers, type Result } from '../standin/stock-cases'

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
