// The cases of the operations that layers are made of.
import { MersenneTwister } from '@digitlab/random'
import { scalar, type Tensor, type Tensor1D, type Tensor4D } from '@tensorflow/tfjs-core'
import { activate, activateGrad, rectify, rectifyGrad } from './activation'
import { batchNorm, batchNormGrad } from './batch-norm'
import { expectClose, filled, leakless, upload, type ConformanceCase } from './conformance-case'
import type { ConvolutionMoves } from './contracts'
import { averagePool, averagePoolGrad, convolution, convolutionGrad, maxPool, maxPoolGrad } from './convolution'
import { dropout, dropoutMask } from './dropout'
import * as float64 from './float64'
import { bothSides, type Sides } from './geometry'
import { hasKernel } from './kernels'
import { tensorOperations as tf } from './tensor-operations'

/** Values from -7 to 7, and some where a formula changes to another; an odd number of them. */
const slopes = (): float64.Array64 =>
  float64.array64(
    [5, 9, 7],
    Float64Array.from({ length: 315 }, (_, i) =>
      Math.fround([0, -0, 1e-4, -1e-4, 0.625, 0.927734375 * Math.SQRT2, 25, -25, -90, 1e-30][i] ?? (i - 157) / 22.4),
    ),
  )

const activationCases = (): ConformanceCase[] =>
  [
    ...(['relu', 'tanh', 'sigmoid', 'gelu', 'silu', 'softplus'] as const).map((name) => ({ name, parameter: 0 })),
    ...[1, 1.5].map((parameter) => ({ name: 'elu' as const, parameter })),
    ...[0.01, -0.5, 0].map((parameter) => ({ name: 'leakyRelu' as const, parameter })),
  ].map(({ name, parameter }) =>
    leakless(`${name}${parameter === 0 ? '' : ` ${parameter}`} and its gradient`, async (own) => {
      const x = slopes()
      const dy = filled(x.shape, 41)
      const xt = own(upload(x))
      const yt = own(activate(xt, name, parameter))
      const y = float64.activate(x, name, parameter)
      await expectClose('y', yt, y)
      await expectClose(
        'dx',
        own(activateGrad(own(upload(dy)), xt, yt, name, parameter)),
        float64.activateGrad(dy, x, name, parameter),
      )
      // Of our kernels small values are as good as large ones; but for gelu's, which are 1 + erf below 0, in PyTorch as well. A GPU's
      // exp and tanh are not.
      if (!hasKernel('activation')) return
      const least = name === 'gelu' ? 2e-7 : 1e-37
      const got = await yt.data()
      y.data.forEach((value, i) => {
        if (Math.abs(x.data[i] ?? 0) < 3 && !(Math.abs((got[i] ?? NaN) - value) <= 2e-6 * Math.abs(value) + least))
          throw new Error(`y[${i}] of ${x.data[i]}: ${got[i]} where ${value} is right`)
      })
    }),
  )

/** Of stride 1, as convReluPool takes them. */
export const convolutionShapes = [
  { batch: 1, size: [5, 5], inputs: 1, outputs: 1, kernel: 3, stride: 1, padding: 1 },
  { batch: 3, size: [28, 28], inputs: 1, outputs: 16, kernel: 3, stride: 1, padding: 1 },
  { batch: 2, size: [14, 14], inputs: 16, outputs: 32, kernel: 3, stride: 1, padding: 1 },
  { batch: 2, size: [9, 7], inputs: 3, outputs: 5, kernel: 3, stride: 1, padding: 1 },
  { batch: 2, size: [8, 11], inputs: 4, outputs: 7, kernel: 5, stride: 1, padding: 0 },
  { batch: 1, size: [6, 6], inputs: 2, outputs: 8, kernel: 5, stride: 1, padding: 2 },
  { batch: 1, size: [4, 4], inputs: 5, outputs: 20, kernel: 1, stride: 1, padding: 0 },
  { batch: 3, size: [9, 12], inputs: 4, outputs: 64, kernel: 5, stride: 1, padding: 2 },
] as const

interface ConvolutionShape extends ConvolutionMoves {
  readonly batch: number
  readonly size: readonly [height: number, width: number]
  readonly inputs: number
  readonly outputs: number
  readonly kernel: Sides
}

const moved: readonly ConvolutionShape[] = [
  ...convolutionShapes,
  { batch: 2, size: [9, 8], inputs: 3, outputs: 4, kernel: 3, stride: 2, padding: 1 },
  { batch: 1, size: [11, 11], inputs: 1, outputs: 6, kernel: 5, stride: 3, padding: 2 },
  { batch: 2, size: [9, 8], inputs: 3, outputs: 4, kernel: [3, 1], stride: [1, 2], padding: [0, 1] },
  { batch: 2, size: [7, 8], inputs: 4, outputs: 6, kernel: 3, stride: 2, padding: 1, groups: 2 },
  { batch: 2, size: [7, 8], inputs: 8, outputs: 8, kernel: 3, stride: 1, padding: 1, groups: 8 },
  { batch: 1, size: [6, 5], inputs: 3, outputs: 6, kernel: [2, 3], stride: 1, padding: 0, groups: 3 },
  { batch: 2, size: [26, 26], inputs: 32, outputs: 20, kernel: 3, stride: 1, padding: 0 },
  { batch: 2, size: [14, 14], inputs: 6, outputs: 16, kernel: 5, stride: 1, padding: 0 },
  { batch: 2, size: [12, 9], inputs: 1, outputs: 6, kernel: 5, stride: 1, padding: 2 },
  { batch: 19, size: [9, 10], inputs: 1, outputs: 7, kernel: [3, 2], stride: 1, padding: [0, 1] },
]

const convolutionCases = (): ConformanceCase[] =>
  moved.map(({ batch, size, inputs, outputs, kernel, ...moves }) => {
    const [tall, wide] = bothSides(kernel)
    const { stride, padding, groups = 1 } = moves
    const name = `convolution [${batch}, ${size.join(', ')}, ${inputs}] * ${tall} x ${wide} to ${outputs}, stride ${stride.toString()}, padding ${padding.toString()}, groups ${groups}`
    return leakless(name, async (own) => {
      const x = filled([batch, ...size, inputs], 5, 0.5)
      x.data.fill(0, 0, Math.floor(size[0] / 2) * size[1] * inputs) // half an image without any ink
      const filter = filled([tall, wide, inputs / groups, outputs], 6)
      const bias = filled([outputs], 7)
      const y = float64.convolution(x, filter, bias, moves)
      const dy = filled(y.shape, 8, 0.7)
      const want = float64.convolutionGrad(dy, x, filter, moves)

      const xt = own(upload<Tensor4D>(x))
      const ft = own(upload<Tensor4D>(filter))
      await expectClose('y', own(convolution(xt, ft, own(upload<Tensor1D>(bias)), moves)), y)
      const without = float64.convolution(x, filter, undefined, moves)
      await expectClose('y without a bias', own(convolution(xt, ft, undefined, moves)), without)
      const dyt = own(upload<Tensor4D>(dy))
      for (const needsInputGradient of [true, false]) {
        const got = convolutionGrad(dyt, xt, ft, moves, needsInputGradient)
        await expectClose('dFilter', own(got.dFilter), want.dFilter)
        await expectClose('dBias', own(got.dBias), want.dBias)
        if (needsInputGradient !== (got.dx !== undefined)) throw new Error('dx was returned where it was not asked for')
        if (got.dx) await expectClose('dx', own(got.dx), want.dx)
      }
    })
  })

const poolCases = (): ConformanceCase[] => [
  ...[2, 3].map((size) =>
    leakless(`relu and maxPool ${size} of [2, 7, 6, 5]`, async (own) => {
      const x = filled([2, 7, 6, 5], 13)
      const rectified = float64.relu(x)
      const y = float64.maxPool(rectified, { size })
      const dy = filled(y.shape, 14)
      const rt = own(rectify(own(upload<Tensor4D>(x))))
      await expectClose('relu', rt, rectified)
      const yt = own(maxPool(rt, { size }))
      await expectClose('y', yt, y)
      const dRectified = own(maxPoolGrad(own(upload<Tensor4D>(dy)), rt, yt, { size }))
      // Where a whole window is zero, backends differ in which zero gets the gradient; ReLU stops it in any case.
      const want = float64.reluGrad(float64.maxPoolGrad(dy, rectified, { size }), rectified)
      await expectClose('dx', own(rectifyGrad(dRectified, rt)), want)
    }),
  ),
  ...[2, 3].map((size) =>
    leakless(`maxPool ${size} of [2, 7, 6, 5] whose candidates are equal: the first gets the gradient`, async (own) => {
      const x = float64.array64(
        [2, 7, 6, 5],
        Float32Array.from({ length: 420 }, (_, i) => 1 + ((i * 7) % 11 > 4 ? 1 : 0)),
      )
      const y = float64.maxPool(x, { size })
      const dy = filled(y.shape, 14)
      const xt = own(upload<Tensor4D>(x))
      const yt = own(maxPool(xt, { size }))
      await expectClose(
        'dx',
        own(maxPoolGrad(own(upload<Tensor4D>(dy)), xt, yt, { size })),
        float64.maxPoolGrad(dy, x, { size }),
      )
    }),
  ),
  ...(
    [
      { size: 3, stride: 2, padding: 1 },
      { size: 2, stride: 1 },
      { size: [3, 2], stride: [1, 2], padding: [1, 0] },
      { size: 2, stride: 3 },
    ] as const
  ).map((windows) =>
    leakless(`maxPool ${JSON.stringify(windows)} of [2, 7, 6, 5]`, async (own) => {
      const x = filled([2, 7, 6, 5], 17, 0.3) // of equal candidates the first
      const y = float64.maxPool(x, windows)
      const dy = filled(y.shape, 18)
      const xt = own(upload<Tensor4D>(x))
      const yt = own(maxPool(xt, windows))
      await expectClose('y', yt, y)
      const dx = own(maxPoolGrad(own(upload<Tensor4D>(dy)), xt, yt, windows))
      await expectClose('dx', dx, float64.maxPoolGrad(dy, x, windows))
    }),
  ),
  ...(
    [
      { size: 2, stride: 2 },
      { size: 3, stride: 1 },
      { size: [7, 6], stride: [1, 1] },
      { size: [2, 3], stride: [3, 2] },
    ] as const
  ).map(({ size, stride }) =>
    leakless(`avgPool ${JSON.stringify({ size, stride })} of [2, 7, 6, 5]`, async (own) => {
      const x = filled([2, 7, 6, 5], 19)
      const { shape, visit, values } = float64.windows64(x.shape, { size, stride })
      const [y, dx] = [float64.array64(shape), float64.array64(x.shape)]
      const dy = filled(shape, 20)
      visit((from, to) => {
        y.data[to] = (y.data[to] ?? NaN) + (x.data[from] ?? NaN) / values
        dx.data[from] = (dx.data[from] ?? NaN) + (dy.data[to] ?? NaN) / values
      })
      const xt = own(upload<Tensor4D>(x))
      await expectClose('y', own(averagePool(xt, { size, stride })), y)
      await expectClose('dx', own(averagePoolGrad(own(upload<Tensor4D>(dy)), xt, { size, stride })), dx)
    }),
  ),
]

const batchNormCases = (): ConformanceCase[] =>
  [
    [2, 1],
    [64, 100],
    [3, 5, 4, 7],
    [4, 28, 28, 16],
    [9, 3, 3, 21],
  ].map((shape) =>
    leakless(`batchNorm of [${shape.join(', ')}]`, async (own) => {
      const channels = shape.at(-1) as number
      const options = { momentum: 0.1, epsilon: 1e-5 }
      const x = float64.map(filled(shape, 31), (value, i) => Math.fround(3 * value + (i % channels)))
      const [weight, bias, dy] = [filled([channels], 32), filled([channels], 33), filled(shape, 34)]
      const before = { mean: filled([channels], 35), variance: filled([channels], 36) }
      const { y, mean, variance, count } = float64.batchNorm(x, weight, bias, options.epsilon)
      const moved = (from: float64.Array64, to: Float64Array, factor: number) =>
        float64.map(from, (value, i) => 0.9 * value + 0.1 * factor * (to[i] ?? NaN))

      const running = {
        mean: own(upload<Tensor1D>(before.mean)),
        variance: own(upload<Tensor1D>(before.variance)),
        batches: own(scalar(7)),
      }
      const [xt, wt] = [own(upload(x)), own(upload<Tensor1D>(weight))]
      const forward = batchNorm(xt, wt, own(upload<Tensor1D>(bias)), running, options)
      for (const tensor of [forward.y, forward.mean, forward.inverseDeviation]) own(tensor)
      if (forward.running) for (const tensor of Object.values(forward.running) as Tensor[]) own(tensor)
      const after = forward.running ?? running
      await expectClose('y', forward.y, y)
      await expectClose('the running mean', after.mean, moved(before.mean, mean, 1))
      await expectClose('the running variance', after.variance, moved(before.variance, variance, count / (count - 1)))
      await expectClose('the batches', after.batches, float64.array64([], [8]))
      const want = float64.batchNormGrad(dy, x, weight, options.epsilon)
      const dyt = own(upload(dy))
      for (const needsInputGradient of [true, false]) {
        const got = batchNormGrad(dyt, xt, wt, forward, needsInputGradient)
        await expectClose('dWeight', own(got.dWeight), want.dWeight)
        await expectClose('dBias', own(got.dBias), want.dBias)
        if (needsInputGradient !== (got.dx !== undefined)) throw new Error('dx was returned where it was not asked for')
        if (got.dx) await expectClose('dx', own(got.dx), want.dx)
      }
    }),
  )

const dropoutCases = (): ConformanceCase[] =>
  (
    [
      { shape: [3, 5], channels: 1, p: 0.5 },
      { shape: [2, 7, 6, 5], channels: 5, p: 0.25 },
      { shape: [64, 128], channels: 1, p: 0.1 },
      { shape: [3, 100], channels: 4, p: 0.9 },
      { shape: [1, 1], channels: 1, p: 0.5 },
    ] as const
  ).flatMap(({ shape, channels, p }) =>
    [0, 1, 623, 1249].map((drawn) =>
      leakless(`dropout ${p} of [${shape.join(', ')}] after ${drawn} draws`, async (own) => {
        const x = filled(shape, 37)
        const [ours, theirs] = [new MersenneTwister(5), new MersenneTwister(5)]
        for (let i = 0; i < drawn; i++) ours.next()
        for (let i = 0; i < drawn; i++) theirs.next()
        const xt = own(upload(x))
        // Twice: what is drawn next is right as well.
        for (let time = 0; time < 2; time++) {
          const [batch, ...rest] = shape
          const positions = rest.reduce<number>((product, side) => product * side, 1) / channels
          const want = dropoutMask(theirs, p, [batch, positions, channels])
          const { y, mask } = dropout(xt, p, ours, channels)
          const got = await own(mask).data()
          const wrong = want.findIndex((value, i) => value !== got[i])
          if (wrong >= 0) throw new Error(`mask[${wrong}] is ${got[wrong]} where ${want[wrong]} is right`)
          const product = float64.map(x, (value, i) => Math.fround(value * (want[i] ?? NaN)))
          await expectClose('y', own(y), product)
          if (ours.next() !== theirs.next()) throw new Error('the generator was not advanced by two draws a value')
        }
      }),
    ),
  )

const sumCases = (): ConformanceCase[] => [
  leakless('the sum and the product of two tensors of one shape, and of others', async (own) => {
    for (const shape of [[5], [7, 9], [2, 3, 4, 5]]) {
      const [a, b] = [filled(shape, 38), filled(shape, 39)]
      const [at, bt] = [own(upload(a)), own(upload(b))]
      await expectClose(
        'a + b',
        own(tf.add(at, bt)),
        float64.map(a, (value, i) => value + (b.data[i] ?? NaN)),
      )
      await expectClose(
        'a b',
        own(tf.mul(at, bt)),
        float64.map(a, (value, i) => value * (b.data[i] ?? NaN)),
      )
      const row = filled([shape.at(-1) as number], 40)
      const added = float64.map(a, (value, i) => value + (row.data[i % row.data.length] ?? NaN))
      await expectClose('a + row', own(tf.add(at, own(upload(row)))), added)
    }
  }),
]

/** Activations, convolutions, poolings, normalization, dropout. */
export const layerCases = (): ConformanceCase[] => [
  ...activationCases(),
  ...convolutionCases(),
  ...poolCases(),
  ...batchNormCases(),
  ...dropoutCases(),
  ...sumCases(),
]
