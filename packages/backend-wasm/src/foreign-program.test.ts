// A tfjs program that knows nothing of digitlab's operations: what our general kernels are for. Loop bounds are the
// shapes: each `!` on an array is in range.
import {
  backend_util,
  conv2d,
  dispose,
  engine,
  env,
  fused,
  matMul,
  maxPool,
  mean,
  memory,
  mul,
  relu,
  reshape,
  setBackend,
  square,
  step,
  sub,
  tensor,
  tensor1d,
  tensor2d,
  tensor4d,
  tidy,
  type Tensor,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-wasm'
import { beforeAll, describe, expect, test } from 'vitest'
import { registerWasmKernels, takenPaths } from './index'

beforeAll(async () => {
  env().set('IS_TEST', true) // tfjs greets with a warning otherwise
  expect(await setBackend('wasm')).toBe(true)
  await registerWasmKernels()
})

const made = (shape: readonly number[], seed: number) => {
  let state = (seed * 2654435761) >>> 0
  const size = shape.reduce((product, side) => product * side, 1)
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1
  return Float32Array.from({ length: size }, next)
}

const expectClose = async (got: Tensor, want: Float64Array) => {
  const scale = want.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1)
  const data = await got.data()
  expect(data.length).toBe(want.length)
  const worst = want.reduce((most, value, i) => Math.max(most, Math.abs(data[i]! - value)), 0)
  expect(worst).toBeLessThan(1e-5 * scale)
}

/** Calls `visit` for every (x, filter, y) that a convolution multiplies. */
const visitTaps = (info: backend_util.Conv2DInfo, visit: (x: number, filter: number, y: number) => void) => {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, padInfo } = info
  for (let b = 0; b < batchSize; b++)
    for (let r = 0; r < outHeight; r++)
      for (let c = 0; c < outWidth; c++)
        for (let kr = 0; kr < info.filterHeight; kr++)
          for (let kc = 0; kc < info.filterWidth; kc++) {
            const row = r * info.strideHeight + kr * info.dilationHeight - padInfo.top
            const column = c * info.strideWidth + kc * info.dilationWidth - padInfo.left
            if (row < 0 || row >= inHeight || column < 0 || column >= inWidth) continue
            for (let i = 0; i < inChannels; i++)
              for (let o = 0; o < outChannels; o++)
                visit(
                  ((b * inHeight + row) * inWidth + column) * inChannels + i,
                  ((kr * info.filterWidth + kc) * inChannels + i) * outChannels + o,
                  ((b * outHeight + r) * outWidth + c) * outChannels + o,
                )
          }
}

type Shape4D = [number, number, number, number]

interface Convolution {
  readonly x: Shape4D
  readonly filter: Shape4D
  readonly strides: [number, number]
  readonly pad: 'same' | 'valid' | number
  readonly dilations: number
}

describe('convolution and its gradients', () => {
  test.each<Convolution>([
    { x: [2, 7, 6, 3], filter: [3, 3, 3, 5], strides: [1, 1], pad: 'same', dilations: 1 },
    { x: [2, 9, 8, 2], filter: [3, 2, 2, 4], strides: [2, 3], pad: 'same', dilations: 1 },
    { x: [1, 10, 10, 4], filter: [5, 5, 4, 8], strides: [2, 2], pad: 'valid', dilations: 1 },
    { x: [3, 8, 8, 5], filter: [1, 1, 5, 9], strides: [1, 1], pad: 0, dilations: 1 },
    { x: [1, 12, 11, 2], filter: [3, 3, 2, 3], strides: [1, 1], pad: 'same', dilations: 2 },
    { x: [40, 14, 14, 16], filter: [3, 3, 16, 32], strides: [1, 1], pad: 1, dilations: 1 }, // several chunks of patches
  ])(
    '$x * $filter, strides $strides, padding $pad, dilations $dilations',
    async ({ x, filter, strides, pad, dilations }) => {
      const info = backend_util.computeConv2DInfo(x, filter, strides, dilations, pad)
      const [xs, fs, dys] = [made(x, 1), made(filter, 2), made(info.outShape, 3)]
      const [y, dx, dFilter] = [new Float64Array(dys.length), new Float64Array(xs.length), new Float64Array(fs.length)]
      visitTaps(info, (xi, fi, yi) => {
        y[yi]! += xs[xi]! * fs[fi]!
        dx[xi]! += dys[yi]! * fs[fi]!
        dFilter[fi]! += dys[yi]! * xs[xi]!
      })
      const [xt, ft, dyt] = [tensor4d(xs, x), tensor4d(fs, filter), tensor4d(dys, info.outShape)]
      const attributes = { strides, pad, dataFormat: 'NHWC', dilations }
      const results: Tensor[] = [
        conv2d(xt, ft, strides, pad, 'NHWC', dilations),
        engine().runKernel('Conv2DBackpropInput', { dy: dyt, filter: ft }, { ...attributes, inputShape: x }),
        engine().runKernel('Conv2DBackpropFilter', { x: xt, dy: dyt }, { ...attributes, filterShape: filter }),
      ]
      for (const [i, want] of [y, dx, dFilter].entries()) await expectClose(results[i]!, want)
      dispose([xt, ft, dyt, ...results])
    },
  )

  test('with bias and ReLU in one', async () => {
    const [x, filter, bias] = [made([2, 6, 6, 3], 1), made([3, 3, 3, 6], 2), made([6], 3)]
    const info = backend_util.computeConv2DInfo([2, 6, 6, 3], [3, 3, 3, 6], 1, 1, 'same')
    const y = Float64Array.from({ length: 2 * 36 * 6 }, (_, i) => bias[i % 6]!)
    visitTaps(info, (xi, fi, yi) => (y[yi]! += x[xi]! * filter[fi]!))
    const before = takenPaths()['convolution output'] ?? 0
    const run = (activation: 'linear' | 'relu' | 'relu6') =>
      tidy(() =>
        fused.conv2d({
          x: tensor4d(x, [2, 6, 6, 3]),
          filter: tensor4d(filter, [3, 3, 3, 6]),
          strides: 1,
          pad: 'same',
          bias: tensor1d(bias),
          activation,
        }),
      )
    const [linear, relu, relu6] = [run('linear'), run('relu'), run('relu6')]
    expect(takenPaths()['convolution output']).toBe(before + 2) // relu6 is the stock kernel's
    await expectClose(linear, y)
    await expectClose(
      relu,
      y.map((value) => Math.max(value, 0)),
    )
    await expectClose(
      relu6,
      y.map((value) => Math.min(Math.max(value, 0), 6)),
    )
    dispose([linear, relu, relu6])
  })
})

describe('the gradients of a convolution that has filters of its own for each channel', () => {
  test.each<Convolution>([
    { x: [2, 7, 6, 3], filter: [3, 3, 3, 1], strides: [1, 1], pad: 'same', dilations: 1 },
    { x: [2, 9, 8, 2], filter: [3, 2, 2, 4], strides: [2, 3], pad: 'same', dilations: 1 },
    { x: [1, 12, 11, 5], filter: [3, 3, 5, 2], strides: [1, 1], pad: 'valid', dilations: 2 },
    { x: [40, 14, 14, 16], filter: [3, 3, 16, 1], strides: [2, 2], pad: 1, dilations: 1 },
  ])(
    '$x, $filter, strides $strides, padding $pad, dilations $dilations',
    async ({ x, filter, strides, pad, dilations }) => {
      const info = backend_util.computeConv2DInfo(x, filter, strides, dilations, pad, undefined, true)
      const [xs, fs, dys] = [made(x, 1), made(filter, 2), made(info.outShape, 3)]
      const [dx, dFilter] = [new Float64Array(xs.length), new Float64Array(fs.length)]
      const [channels, multiplier] = [x[3], filter[3]]
      // One channel at a time it is a convolution of one channel, whose taps lie further apart.
      visitTaps({ ...info, inChannels: 1, outChannels: multiplier }, (xi, fi, yi) => {
        for (let channel = 0; channel < channels; channel++) {
          const at = [
            xi * channels + channel,
            (Math.floor(fi / multiplier) * channels + channel) * multiplier + (fi % multiplier),
            (Math.floor(yi / multiplier) * channels + channel) * multiplier + (yi % multiplier),
          ] as const
          dx[at[0]]! += dys[at[2]]! * fs[at[1]]!
          dFilter[at[1]]! += dys[at[2]]! * xs[at[0]]!
        }
      })
      const [xt, ft, dyt] = [tensor4d(xs, x), tensor4d(fs, filter), tensor4d(dys, info.outShape)]
      const attributes = { strides, pad, dilations }
      const before = takenPaths()
      const gradients: Tensor[] = [
        engine().runKernel(
          'DepthwiseConv2dNativeBackpropInput',
          { dy: dyt, filter: ft },
          { ...attributes, inputShape: x },
        ),
        engine().runKernel(
          'DepthwiseConv2dNativeBackpropFilter',
          { x: xt, dy: dyt },
          { ...attributes, filterShape: filter },
        ),
      ]
      for (const path of ['depthwise inputGradient', 'depthwise filterGradient'])
        expect(takenPaths()[path]).toBe((before[path] ?? 0) + 1)
      for (const [i, want] of [dx, dFilter].entries()) await expectClose(gradients[i]!, want)
      dispose([xt, ft, dyt, ...gradients])
    },
  )
})

describe('the gradient of max-pooling', () => {
  test.each<{ x: Shape4D; window: [number, number]; strides: [number, number]; pad: 'same' | 'valid' | number }>([
    { x: [2, 8, 8, 16], window: [2, 2], strides: [2, 2], pad: 'valid' },
    { x: [2, 7, 9, 5], window: [3, 2], strides: [2, 1], pad: 'same' }, // windows that overlap, channels left over
    { x: [1, 6, 6, 3], window: [3, 3], strides: [3, 3], pad: 1 },
  ])('$x, windows $window, strides $strides, padding $pad', async ({ x, window, strides, pad }) => {
    const info = backend_util.computePool2DInfo(x, window, strides, 1, pad)
    // Few different values, so that many are equal: the first of a window then has its gradient.
    const [xs, dys] = [made(x, 1).map((value) => Math.round(2 * value)), made(info.outShape, 2)]
    const dx = new Float64Array(xs.length)
    const [, , , channels] = x
    dys.forEach((dy, p) => {
      const column = Math.floor(p / channels) % info.outWidth
      const row = Math.floor(p / channels / info.outWidth) % info.outHeight
      const image = Math.floor(p / channels / info.outWidth / info.outHeight)
      let winner = -1
      for (let kr = 0; kr < window[0]; kr++)
        for (let kc = 0; kc < window[1]; kc++) {
          const [r, c] = [row * strides[0] + kr - info.padInfo.top, column * strides[1] + kc - info.padInfo.left]
          if (r < 0 || r >= x[1] || c < 0 || c >= x[2]) continue
          const at = ((image * x[1] + r) * x[2] + c) * channels + (p % channels)
          if (winner < 0 || xs[at]! > xs[winner]!) winner = at
        }
      dx[winner]! += dy
    })
    const [xt, dyt] = [tensor4d(xs, x), tensor4d(dys, info.outShape)]
    const output = maxPool(xt, window, strides, pad)
    const before = takenPaths()['maxPoolGrad'] ?? 0
    const attributes = { filterSize: window, strides, pad }
    const got: Tensor = engine().runKernel('MaxPoolGrad', { dy: dyt, input: xt, output }, attributes)
    expect(takenPaths()['maxPoolGrad']).toBe(before + 1)
    await expectClose(got, dx)
    dispose([xt, dyt, output, got])
  })
})

describe('matrix products', () => {
  const product = (
    a: Float32Array,
    b: Float32Array,
    [m, k, n]: readonly number[],
    transA: boolean,
    transB: boolean,
  ) => {
    const c = new Float64Array(m! * n!)
    for (let i = 0; i < m!; i++)
      for (let j = 0; j < n!; j++)
        for (let p = 0; p < k!; p++)
          c[i * n! + j]! += a[transA ? p * m! + i : i * k! + p]! * b[transB ? j * k! + p : p * n! + j]!
    return c
  }
  const sizes = [
    [1, 1, 1],
    [5, 7, 3],
    [64, 784, 10],
    [33, 300, 290], // more than one block in depth and columns
    [100, 9, 17],
  ] as const
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      test.each(sizes)(`[%i, %i] x [., %i], transposed: ${transposeA}, ${transposeB}`, async (m, k, n) => {
        const [a, b, bias] = [made([m, k], 1), made([k, n], 2), made([n], 3)]
        const want = product(a, b, [m, k, n], transposeA, transposeB)
        const [at, bt] = [tensor2d(a, transposeA ? [k, m] : [m, k]), tensor2d(b, transposeB ? [n, k] : [k, n])]
        const biasTensor = tensor(bias, [n])
        const before = takenPaths()['matMul'] ?? 0
        const plain = matMul(at, bt, transposeA, transposeB)
        const activated = fused.matMul({ a: at, b: bt, transposeA, transposeB, bias: biasTensor, activation: 'relu' })
        expect(takenPaths()['matMul']).toBe(before + 2)
        await expectClose(plain, want)
        await expectClose(
          activated,
          want.map((value, i) => Math.max(value + bias[i % n]!, 0)),
        )
        dispose([at, bt, biasTensor, plain, activated])
      })

  test('stacks of matrices, and one matrix for a whole stack', async () => {
    const [a, b] = [made([3, 4, 5], 1), made([3, 5, 2], 2)]
    const at = tensor(a, [3, 4, 5])
    const stack = matMul(at, tensor(b, [3, 5, 2]))
    const single = matMul(at, tensor(b.subarray(0, 10), [1, 5, 2]))
    const each = (bOf: (i: number) => Float32Array) =>
      Float64Array.from(
        [0, 1, 2].flatMap((i) => [...product(a.subarray(20 * i, 20 * i + 20), bOf(i), [4, 5, 2], false, false)]),
      )
    await expectClose(
      stack,
      each((i) => b.subarray(10 * i, 10 * i + 10)),
    )
    await expectClose(
      single,
      each(() => b.subarray(0, 10)),
    )
  })
})

test('a model with a strided convolution trains, and leaks nothing', async () => {
  const [x, target] = [tensor4d(made([8, 9, 9, 2], 1), [8, 9, 9, 2]), tensor2d(made([8, 3], 2), [8, 3])]
  const before = memory().numTensors
  let [filter, weight] = [tensor(made([3, 3, 2, 4], 3), [3, 3, 2, 4]), tensor(made([100, 3], 4), [100, 3])]
  const losses: number[] = []
  for (let i = 0; i < 30; i++) {
    const next = tidy(() => {
      const hidden = conv2d(x, filter as Tensor4D, 2, 'same') // [8, 5, 5, 4]
      const rectified = relu(hidden)
      const flat = reshape(rectified, [8, 100])
      const difference = sub(matMul(flat, weight), target)
      losses.push(mean(square(difference)).dataSync()[0]!)
      const dHidden = mul(reshape(matMul(difference, weight, false, true), hidden.shape), step(rectified))
      const dFilter: Tensor = engine().runKernel(
        'Conv2DBackpropFilter',
        { x, dy: dHidden },
        { strides: 2, pad: 'same', dataFormat: 'NHWC', filterShape: filter.shape },
      )
      const dWeight = matMul(flat, difference, true, false)
      return [sub(filter, mul(dFilter, 0.002)), sub(weight, mul(dWeight, 0.002))] as const
    })
    dispose([filter, weight])
    ;[filter, weight] = next
  }
  expect(losses.at(-1)).toBeLessThan(0.3 * losses[0]!)
  dispose([filter, weight])
  expect(memory().numTensors).toBe(before)
  dispose([x, target])
})
