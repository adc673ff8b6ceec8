// The suite that every backend must pass, as data: a list of cases that any test runner, or none, can run.
import { reshape, tensor1d, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core'
import * as float64 from './float64'
import { expectClose, filled, leakless, upload, type ConformanceCase } from './conformance-case'
import { convolutionShapes, layerCases } from './conformance-layers'
import { convReluPool, convReluPoolGrad } from './conv-relu-pool'
import { dense, denseGrad } from './dense'
import { batchSource } from './gather-batch'
import { adamStep, sgdStep } from './optimizer-step'
import { copyOut, sumIn } from './share-gradients'
import { writtenImages } from './conformance-images'
import { allowances, refusals, strays } from './conformance-refusals'
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
  ].map(({ batch, classes, spread }) =>
    leakless(`softmaxCrossEntropy [${batch}, ${classes}] within ${spread}`, async (own) => {
      const raw = filled([batch, classes], 15)
      const logits = float64.array64(
        raw.shape,
        Float32Array.from(raw.data, (value) => value * spread),
      )
      const labels = Int32Array.from({ length: batch }, (_, i) => (i * 7) % classes)
      const want = float64.softmaxCrossEntropy(logits, labels, 1 / batch)
      const got = softmaxCrossEntropy(own(upload<Tensor2D>(logits)), own(tensor1d(labels, 'int32')), 1 / batch)
      await expectClose('summary', own(got.summary), float64.array64([2], [want.loss, want.correct]))
      await expectClose('dLogits', own(got.dLogits), want.dLogits)
    }),
  )

const gatherCases = (): ConformanceCase[] => [
  leakless('gatherBatch of 9 images of 5 x 3, shuffled, the last batch short', async (own) => {
    const images = Uint8Array.from({ length: 9 * 15 }, (_, i) => (i * 41) % 256)
    const labels = Uint8Array.from({ length: 9 }, (_, i) => i)
    const source = batchSource(images, labels, [5, 3])
    try {
      for (const order of [Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8]), Int32Array.from([8, 3, 3, 0, 7, 1])]) {
        source.setOrder(order)
        for (let start = 0; start < order.length; start += 4) {
          const chosen = order.subarray(start, start + 4)
          const batch = source.batch(start, chosen.length)
          const pixels = Array.from(chosen, (image) => Array.from(images.subarray(image * 15, image * 15 + 15))).flat()
          const want = float64.array64(
            [chosen.length, 5, 3, 1],
            pixels.map((byte) => Math.fround(byte / 255)),
          )
          const got = await own(batch.images).data()
          if (want.data.some((value, i) => value !== got[i])) throw new Error('a pixel is not byte / 255 to the bit')
          await expectClose('images', batch.images, want)
          await expectClose('labels', own(batch.labels), float64.array64([chosen.length], chosen))
        }
      }
    } finally {
      source.dispose()
    }
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
            velocity.data[j] = step === 1 ? g : options.momentum * (velocity.data[j] ?? NaN) + g
            weight.data[j] = value - options.learningRate * (velocity.data[j] ?? NaN)
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
  const adam = [0, 0.01].map((weightDecay) =>
    leakless(`adamStep with weight decay ${weightDecay}`, async (own) => {
      const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay }
      const want = shapes.map((shape, i) => filled(shape, 50 + i))
      const m = shapes.map((shape) => float64.array64(shape))
      const v = shapes.map((shape) => float64.array64(shape))
      let state = { weights: uploadAll(want), first: uploadAll(m), second: uploadAll(v) } as ReturnType<typeof adamStep>
      for (let step = 1; step <= 3; step++) {
        const gradients = gradientsOf(step)
        want.forEach((weight, i) => {
          const [mi, vi] = [m[i] as float64.Array64, v[i] as float64.Array64]
          weight.data.forEach((value, j) => {
            const g = (gradients[i]?.data[j] ?? NaN) + weightDecay * value
            const first = 0.9 * (mi.data[j] ?? NaN) + 0.1 * g
            const second = 0.999 * (vi.data[j] ?? NaN) + 0.001 * g * g
            mi.data[j] = first
            vi.data[j] = second
            const corrected = Math.sqrt(second) / Math.sqrt(1 - 0.999 ** step) + 1e-8
            weight.data[j] = value - (0.01 / (1 - 0.9 ** step)) * (first / corrected)
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
  return [...sgd, ...adam]
}

/** Three workers' gradients, summed by each of them: the same bits everywhere, in the order of the parts. */
const shareCases = (): ConformanceCase[] => [
  leakless('copyOut and sumIn', async (own) => {
    const shapes = [[3, 5], [7], [1], [784, 10]]
    const workers = [0, 1, 2].map((w) => shapes.map((shape, i) => filled(shape, 70 + 10 * w + i)))
    const length = shapes.reduce((total, shape) => total + shape.reduce((product, side) => product * side, 1), 0)
    const parts = workers.map(() => new Float32Array(new SharedArrayBuffer(length * 4)))
    const uploaded = workers.map((arrays) => arrays.map((array): Tensor => upload(array)))
    uploaded.forEach((tensors, w) => copyOut(tensors, parts[w] as Float32Array))
    const sum = (of: number) => (i: number) =>
      parts.slice(0, of).reduce((total, part) => Math.fround(total + (part[i] ?? NaN)), 0)
    for (const [w, tensors] of uploaded.entries()) {
      const taken = w === 2 ? 3 : 2 // two workers, and three
      const sums = sumIn(tensors, parts.slice(0, taken), w)
      let at = 0
      for (const [i, tensor] of sums.entries()) {
        const from = at
        at += tensor.size
        const got = await own(tensor).data()
        if (got.some((value, j) => value !== sum(taken)(from + j)))
          throw new Error(`tensor ${i} of worker ${w} is not the sum of the parts to the bit`)
      }
    }
  }),
]

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
  ...shareCases(),
  ...[...writtenImages(), ...refusals(), ...allowances(), ...strays()].map(({ name, run }) => leakless(name, run)),
]
