// The suite that every backend must pass, as data: a list of cases that any test runner, or none, can run.
import {
  fill,
  reshape,
  tensor1d,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import * as float64 from './float64'
import { expectClose, filled, leakless, upload, type ConformanceCase } from './conformance-case'
import { convolutionShapes, layerCases } from './conformance-layers'
import { convReluPool, convReluPoolGrad } from './conv-relu-pool'
import { dense, denseGrad } from './dense'
import { batchSource } from './gather-batch'
import { averageWeights } from './average-weights'
import { clipGradients } from './clip-gradients'
import { keptBy } from './contract-sizes'
import type { OptimizerRule } from './contracts'
import { withReference } from './kernels'
import { adamStep, optimizerStep, sgdStep, type KeptTensors } from './optimizer-step'
import { writtenImages } from './conformance-images'
import { refusals } from './conformance-refusals'
import { allowances, strays } from './conformance-strays'
import { softmaxCrossEntropy } from './softmax-cross-entropy'

export type { ConformanceCase } from './conformance-case'

const denseCases = (): ConformanceCase[] =>
  [
    { batch: 1, inputs: 1, outputs: 1, zeros: 0 },
    { batch: 1, inputs: 784, outputs: 10, zeros: 0.8 },
    { batch: 64, inputs: 784, outputs: 10, zeros: 0.8 },
    { batch: 32, inputs: 784, outputs: 100, zeros: 0.8 },
    { batch: 64, inputs: 100, outputs: 10, zeros: 0.5 },
    { batch: 64, inputs: 1568, outputs: 10, zeros: 0.3 },
    { batch: 7, inputs: 13, outputs: 3, zeros: 0 },
    { batch: 3, inputs: 17, outputs: 33, zeros: 0 },
    { batch: 129, inputs: 5, outputs: 70, zeros: 0 },
    { batch: 7, inputs: 30, outputs: 28, zeros: 0 },
  ].flatMap(({ batch, inputs, outputs, zeros }) =>
    (['identity', 'relu'] as const).map((activation) =>
      leakless(`dense ${activation} [${batch}, ${inputs}] x [${inputs}, ${outputs}]`, async (own) => {
        const x = filled([batch, inputs], 1, zeros)
        const weight = filled([inputs, outputs], 2)
        const bias = filled([outputs], 3)
        const dy = filled([batch, outputs], 4, 0.2)
        const linear = float64.dense(x, weight, bias)
        const y = activation === 'relu' ? float64.relu(linear) : linear
        const dz = activation === 'relu' ? float64.reluGrad(dy, linear) : dy
        const want = float64.denseGrad(dz, x, weight)

        const xt = own(upload<Tensor2D>(x))
        const wt = own(upload<Tensor2D>(weight))
        const yt = own(dense(xt, wt, own(upload<Tensor1D>(bias)), activation))
        await expectClose('y', yt, y)
        const without = float64.dense(x, weight, float64.array64([outputs]))
        const wanted = activation === 'relu' ? float64.relu(without) : without
        await expectClose('y without a bias', own(dense(xt, wt, undefined, activation)), wanted)
        const dyt = own(upload<Tensor2D>(dy))
        for (const needsInputGradient of [true, false]) {
          const got = denseGrad(dyt, xt, wt, yt, activation, needsInputGradient)
          await expectClose('dWeight', own(got.dWeight), want.dWeight)
          await expectClose('dBias', own(got.dBias), want.dBias)
          if (needsInputGradient !== (got.dx !== undefined))
            throw new Error('dx was returned where it was not asked for')
          if (got.dx) await expectClose('dx', own(got.dx), want.dx)
        }
      }),
    ),
  )

/** What a kernel knows of an input is its values, not their shape, and not what they were. */
const sameInputCases = (): ConformanceCase[] => [
  leakless('dense of one tensor in two shapes, and after a step changed it in place', async (own) => {
    const x = filled([4, 6], 21, 0.5)
    let xt = own(upload<Tensor2D>(x))
    for (const inputs of [6, 12, 3]) {
      const [weight, bias] = [filled([inputs, 5], 22), filled([5], 23)]
      const wide = float64.array64([24 / inputs, inputs], x.data)
      const [wt, bt] = [own(upload<Tensor2D>(weight)), own(upload<Tensor1D>(bias))]
      const yt = own(dense(own(reshape(xt, [24 / inputs, inputs])), wt, bt, 'identity'))
      await expectClose(`y of ${inputs} inputs`, yt, float64.dense(wide, weight, bias))
    }
    const gradient = filled([4, 6], 24)
    const options = { learningRate: 0.5, momentum: 0, weightDecay: 0 }
    const [changed] = sgdStep([xt], [own(upload(gradient))], [], 1, options).weights
    xt = own(changed as Tensor2D)
    x.data.forEach((value, i) => (x.data[i] = value - 0.5 * (gradient.data[i] ?? NaN)))
    const [weight, bias] = [filled([6, 5], 25), filled([5], 26)]
    const yt = own(dense(xt, own(upload<Tensor2D>(weight)), own(upload<Tensor1D>(bias)), 'identity'))
    await expectClose('y of the changed', yt, float64.dense(x, weight, bias))
  }),
]

const convReluPoolCases = (): ConformanceCase[] =>
  convolutionShapes.map(({ batch, size, inputs, outputs, kernel, padding }) =>
    leakless(
      `convReluPool [${batch}, ${size.join(', ')}, ${inputs}] * ${kernel} x ${kernel} to ${outputs}, padding ${padding}`,
      async (own) => {
        const x = filled([batch, ...size, inputs], 9, 0.6)
        const filter = filled([kernel, kernel, inputs, outputs], 10)
        const bias = filled([outputs], 11)
        const rectified = float64.relu(float64.convolution(x, filter, bias, { stride: 1, padding }))
        const y = float64.maxPool(rectified, { size: 2 })
        const dy = filled(y.shape, 12)
        const dRectified = float64.reluGrad(float64.maxPoolGrad(dy, rectified, { size: 2 }), rectified)
        const want = float64.convolutionGrad(dRectified, x, filter, { stride: 1, padding })

        const xt = own(upload<Tensor4D>(x))
        const ft = own(upload<Tensor4D>(filter))
        const forward = convReluPool(xt, ft, own(upload<Tensor1D>(bias)), padding)
        forward.saved.forEach(own)
        await expectClose('y', own(forward.y), y)
        const dyt = own(upload<Tensor4D>(dy))
        for (const needsInputGradient of [true, false]) {
          const got = convReluPoolGrad(dyt, xt, ft, forward, padding, needsInputGradient)
          await expectClose('dFilter', own(got.dFilter), want.dFilter)
          await expectClose('dBias', own(got.dBias), want.dBias)
          if (needsInputGradient !== (got.dx !== undefined))
            throw new Error('dx was returned where it was not asked for')
          if (got.dx) await expectClose('dx', own(got.dx), want.dx)
        }
      },
    ),
  )

const softmaxCases = (): ConformanceCase[] =>
  [
    { batch: 64, classes: 10, spread: 3 },
    { batch: 1, classes: 10, spread: 3 },
    { batch: 5, classes: 3, spread: 1 },
    { batch: 33, classes: 47, spread: 10 },
    { batch: 4, classes: 10, spread: 500 }, // exp would overflow without the shift by the largest
    { batch: 5, classes: 10, spread: 3, smoothing: 0.1 },
    { batch: 33, classes: 47, spread: 10, smoothing: 1 },
  ].map(({ batch, classes, spread, smoothing = 0 }) =>
    leakless(`softmaxCrossEntropy [${batch}, ${classes}] within ${spread}, smoothed by ${smoothing}`, async (own) => {
      const raw = filled([batch, classes], 15)
      const logits = float64.array64(
        raw.shape,
        Float32Array.from(raw.data, (value) => value * spread),
      )
      const labels = Int32Array.from({ length: batch }, (_, i) => (i * 7) % classes)
      const want = float64.softmaxCrossEntropy(logits, labels, 1 / batch, smoothing)
      const [zt, lt] = [own(upload<Tensor2D>(logits)), own(tensor1d(labels, 'int32'))]
      const got = softmaxCrossEntropy(zt, lt, 1 / batch, smoothing)
      await expectClose('summary', own(got.summary), float64.array64([2], [want.loss, want.correct]))
      await expectClose('dLogits', own(got.dLogits), want.dLogits)
    }),
  )

const gatherCases = (): ConformanceCase[] => [
  leakless('gatherBatch of normalized images, as torchvision to the bit', async (own) => {
    const images = Uint8Array.from({ length: 3 * 35 }, (_, i) => (i % 3 === 0 || i > 60 ? 0 : (i * 41) % 256))
    const source = batchSource(images, Uint8Array.of(2, 0, 1), [5, 7], { mean: 0.1307, std: 0.3081 })
    try {
      const batch = source.batch(0, 3)
      own(batch.labels)
      const got = await own(batch.images).data()
      const [mean, std] = [Math.fround(0.1307), Math.fround(0.3081)]
      images.forEach((byte, i) => {
        const want = Math.fround(Math.fround(Math.fround(byte / 255) - mean) / std)
        if (got[i] !== want) throw new Error(`pixel ${i}, of ${byte}, is ${got[i]} where ${want} is right`)
      })
    } finally {
      source.dispose()
    }
  }),
  ...(
    [
      [5, 3],
      [3, 3, 3],
    ] as const
  ).map(([height, width, channels = 1]) => {
    const size = height * width * channels
    return leakless(
      `gatherBatch of 9 images of ${height} x ${width} x ${channels}, shuffled, the last batch short`,
      async (own) => {
        const images = Uint8Array.from({ length: 9 * size }, (_, i) => (i * 41) % 256)
        const labels = Uint8Array.from({ length: 9 }, (_, i) => i)
        const source = batchSource(images, labels, [height, width, channels])
        try {
          for (const order of [Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8]), Int32Array.from([8, 3, 3, 0, 7, 1])]) {
            source.setOrder(order)
            for (let start = 0; start < order.length; start += 4) {
              const chosen = order.subarray(start, start + 4)
              const batch = source.batch(start, chosen.length)
              const pixels = Array.from(chosen, (image) =>
                Array.from(images.subarray(image * size, (image + 1) * size)),
              ).flat()
              const want = float64.array64(
                [chosen.length, height, width, channels],
                pixels.map((byte) => Math.fround(byte / 255)),
              )
              const got = await own(batch.images).data()
              if (want.data.some((value, i) => value !== got[i]))
                throw new Error('a pixel is not byte / 255 to the bit')
              await expectClose('images', batch.images, want)
              await expectClose('labels', own(batch.labels), float64.array64([chosen.length], chosen))
            }
          }
        } finally {
          source.dispose()
        }
      },
    )
  }),
]

/** Three steps, so that what is kept between steps is tested too. */
const optimizerCases = (): ConformanceCase[] => {
  const shapes = [[3, 5], [7], [1], [784, 10]]
  const gradientsOf = (step: number) => shapes.map((shape, i) => filled(shape, 100 * step + i))
  const uploadAll = (arrays: readonly float64.Array64[]) => arrays.map((array) => upload(array))
  const sgd = [
    { learningRate: 0.1, momentum: 0, weightDecay: 0 },
    { learningRate: 0.1, momentum: 0, weightDecay: 0.01 },
    { learningRate: 0.05, momentum: 0.9, weightDecay: 0.001 },
    { learningRate: 0.05, momentum: 0.9, weightDecay: 0.001, nesterov: true },
    { learningRate: 0.05, momentum: 0.8, weightDecay: 0, dampening: 0.3 },
  ].map((options) =>
    leakless(`sgdStep ${JSON.stringify(options)}`, async (own) => {
      const want = shapes.map((shape, i) => filled(shape, 30 + i))
      const wantVelocities = shapes.map((shape) => float64.array64(shape))
      let weights: readonly Tensor[] = uploadAll(want)
      let velocities: readonly Tensor[] = options.momentum === 0 ? [] : uploadAll(wantVelocities)
      for (let step = 1; step <= 3; step++) {
        const gradients = gradientsOf(step)
        want.forEach((weight, i) =>
          weight.data.forEach((value, j) => {
            const g = (gradients[i]?.data[j] ?? NaN) + options.weightDecay * value
            const velocity = wantVelocities[i] as float64.Array64
            const v = step === 1 ? g : options.momentum * (velocity.data[j] ?? NaN) + (1 - (options.dampening ?? 0)) * g
            velocity.data[j] = v
            weight.data[j] = value - options.learningRate * (options.nesterov ? g + options.momentum * v : v)
          }),
        )
        const uploaded = uploadAll(gradients)
        ;({ weights, velocities } = sgdStep(weights, uploaded, velocities, step, options))
        uploaded.forEach((gradient) => gradient.dispose())
      }
      weights.forEach(own)
      velocities.forEach(own)
      for (const [i, weight] of weights.entries()) await expectClose(`weight ${i}`, weight, want[i] as float64.Array64)
      for (const [i, velocity] of velocities.entries())
        await expectClose(`velocity ${i}`, velocity, wantVelocities[i] as float64.Array64)
    }),
  )
  const adam = [
    { weightDecay: 0, decoupled: false },
    { weightDecay: 0.01, decoupled: false },
    { weightDecay: 0.1, decoupled: true },
  ].map(({ weightDecay, decoupled }) =>
    leakless(`adamStep with ${decoupled ? 'decoupled ' : ''}weight decay ${weightDecay}`, async (own) => {
      const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, decoupled }
      const want = shapes.map((shape, i) => filled(shape, 50 + i))
      const m = shapes.map((shape) => float64.array64(shape))
      const v = shapes.map((shape) => float64.array64(shape))
      let state = { weights: uploadAll(want), first: uploadAll(m), second: uploadAll(v) } as ReturnType<typeof adamStep>
      for (let step = 1; step <= 3; step++) {
        const gradients = gradientsOf(step)
        want.forEach((weight, i) => {
          const [mi, vi] = [m[i] as float64.Array64, v[i] as float64.Array64]
          weight.data.forEach((value, j) => {
            const g = (gradients[i]?.data[j] ?? NaN) + (decoupled ? 0 : weightDecay * value)
            const first = 0.9 * (mi.data[j] ?? NaN) + 0.1 * g
            const second = 0.999 * (vi.data[j] ?? NaN) + 0.001 * g * g
            mi.data[j] = first
            vi.data[j] = second
            const corrected = Math.sqrt(second) / Math.sqrt(1 - 0.999 ** step) + 1e-8
            const shrunk = decoupled ? value * (1 - 0.01 * weightDecay) : value
            weight.data[j] = shrunk - (0.01 / (1 - 0.9 ** step)) * (first / corrected)
          })
        })
        const uploaded = uploadAll(gradients)
        state = adamStep(state.weights, uploaded, state.first, state.second, step, options)
        uploaded.forEach((gradient) => gradient.dispose())
      }
      for (const tensors of Object.values(state) as Tensor[][]) tensors.forEach(own)
      for (const [i, weight] of state.weights.entries())
        await expectClose(`weight ${i}`, weight, want[i] as float64.Array64)
    }),
  )
  const bounds = { learningRate: 0.05, epsilon: 1e-6, weightDecay: 0.01 }
  const rules: OptimizerRule[] = [
    { rule: 'adadelta', rho: 0.9, ...bounds },
    { rule: 'rmsprop', alpha: 0.9, momentum: 0, centered: false, ...bounds },
    { rule: 'rmsprop', alpha: 0.9, momentum: 0.8, centered: true, ...bounds },
    { rule: 'adagrad', learningRateDecay: 0.1, ...bounds },
    { rule: 'nadam', beta1: 0.9, beta2: 0.999, momentumDecay: 4e-3, decoupled: false, ...bounds },
    { rule: 'nadam', beta1: 0.8, beta2: 0.99, momentumDecay: 0.1, decoupled: true, ...bounds },
  ]
  const others = rules.map((options) =>
    leakless(`optimizerStep ${JSON.stringify(options)}`, async (own) => {
      const names = keptBy(options)
      const begin = () => {
        // Products begin at 1, and means of squares above those of their means.
        const keeps = (name: keyof KeptTensors) =>
          names.includes(name) ? shapes.map((shape) => fill(shape, begins[name])) : []
        const begins = { first: 0, second: 0, third: options.rule === 'nadam' ? 1 : 0 }
        return {
          weights: uploadAll(shapes.map((shape, i) => filled(shape, 60 + i))) as readonly Tensor[],
          kept: { first: keeps('first'), second: keeps('second'), third: keeps('third') } as KeptTensors,
        }
      }
      let [fast, plain] = [begin(), begin()]
      for (let step = 1; step <= 3; step++) {
        const gradients = uploadAll(gradientsOf(step))
        fast = optimizerStep(fast.weights, gradients, fast.kept, step, options)
        plain = withReference(() => optimizerStep(plain.weights, gradients, plain.kept, step, options))
        gradients.forEach((gradient) => gradient.dispose())
      }
      for (const { weights, kept } of [fast, plain])
        [...weights, ...kept.first, ...kept.second, ...kept.third].forEach((each) => own(each))
      const want = async (each: Tensor) => float64.array64(each.shape, await each.data())
      for (const [i, weight] of fast.weights.entries())
        await expectClose(`weight ${i}`, weight, await want(plain.weights[i] as Tensor))
      for (const name of names)
        for (const [i, each] of fast.kept[name].entries())
          await expectClose(`${name} ${i}`, each, await want(plain.kept[name][i] as Tensor))
    }),
  )
  return [...sgd, ...adam, ...others]
}

/** What happens to gradients before a step, and to averages after it. */
const aroundStepCases = (): ConformanceCase[] => {
  const shapes = [[3, 5], [7], [1], [784, 10]]
  const clips = [
    { norm: 1, value: Infinity },
    { norm: 1e6, value: Infinity },
    { norm: Infinity, value: 0.3 },
    { norm: 20, value: 0.1 },
  ].map((options) =>
    leakless(`clipGradients to a norm of ${options.norm} and a size of ${options.value}`, async (own) => {
      const gradients = shapes.map((shape, i) => filled(shape, 70 + i))
      const total = Math.sqrt(gradients.reduce((all, { data }) => data.reduce((sum, g) => sum + g * g, all), 0))
      const by = Math.min(1, options.norm / (total + 1e-6))
      const given = gradients.map((gradient) => own(upload(gradient)))
      const got = clipGradients(given, options)
      got.forEach((each) => own(each))
      for (const [i, gradient] of gradients.entries()) {
        const want = gradient.data.map((g) => Math.max(-options.value, Math.min(options.value, g * by)))
        await expectClose(`gradient ${i}`, got[i] as Tensor, float64.array64(gradient.shape, want))
      }
    }),
  )
  const averages = [0.9, 0.3, 0, 1].map((decay) =>
    leakless(`averageWeights that decay by ${decay}`, async (own) => {
      const want = shapes.map((shape) => float64.array64(shape))
      let got: readonly Tensor[] = want.map((each) => upload(each))
      for (let step = 1; step <= 3; step++) {
        const weights = shapes.map((shape, i) => filled(shape, 80 + 10 * step + i))
        want.forEach((average, i) =>
          weights[i]?.data.forEach((weight, j) => {
            average.data[j] = step === 1 ? weight : decay * (average.data[j] ?? NaN) + (1 - decay) * weight
          }),
        )
        const uploaded = weights.map((weight) => upload(weight))
        got = averageWeights(got, uploaded, step, decay)
        uploaded.forEach((weight) => weight.dispose())
      }
      got.forEach((each) => own(each))
      for (const [i, average] of want.entries()) await expectClose(`average ${i}`, got[i] as Tensor, average)
    }),
  )
  return [...clips, ...averages]
}

/**
 * Every operation of this package, forward and gradient, against float64 on the current backend: odd sizes, batch 1,
 * sparse inputs, and a leak check each. Source of the expected values: `float64.ts`.
 */
export const conformanceCases = (): ConformanceCase[] => [
  ...gatherCases(),
  ...denseCases(),
  ...sameInputCases(),
  ...layerCases(),
  ...convReluPoolCases(),
  ...softmaxCases(),
  ...optimizerCases(),
  ...aroundStepCases(),
  ...[...writtenImages(), ...refusals(), ...allowances(), ...strays()].map(({ name, run }) => leakless(name, run)),
]
