// A net that takes one rounding far is held to what that makes of it; a fault is not.
// Arrays of one tensor have one length: each `!` is in range.
import { activate, type Backend } from '@digitlab/backends'
import {
  copyRegisteredKernels,
  findBackendFactory,
  registerBackend,
  registerKernel,
  type TensorInfo,
  type TypedArray,
} from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { completeExperiment, runParity, type ParityCell, type ParityCheck } from './index'
import { stock, tiny } from './testing/tiny'

/**
 * Pixels that are the same in most batches: there batch normalization takes them out, but for what rounding leaves, Adam makes steps of
 * that, and the few images that have ink in them show where these led.
 */
const data = (() => {
  const made = tiny(50, 9)
  for (const { images } of [made.train, made.test])
    images.forEach((_, i) => i % 16 > 11 && Math.floor(i / 16) % 12 > 0 && (images[i] = 0))
  return made
})()

const experiment = completeExperiment({
  model: {
    name: 'amplifying',
    input: [4, 4, 1],
    layers: [
      { type: 'flatten' },
      { type: 'dense', name: '1', out: 12, bias: false },
      { type: 'batchNorm', name: '2' },
      { type: 'leakyRelu', slope: 0.01 },
      { type: 'dense', name: '4', out: 3 },
    ],
  },
  ...{ dataset: 'tiny', batchSize: 8, epochs: 15, normalize: { mean: 0.1307, std: 0.3081 } },
  optimizer: { name: 'adam', learningRate: 0.01, epsilon: 1e-14 },
})

/** What is wrong with a batch normalization; nothing, but that it adds in the other order, where this is empty. */
interface Fault {
  readonly epsilon?: number
  readonly momentum?: number
  /** The variance that runs is that of the batch, not of what the batch is a sample of. */
  readonly biased?: boolean
  /** Another mean every time, by so much. */
  readonly race?: number
}

interface Memory {
  readonly data: { get(id: object): { readonly values: TypedArray } }
  makeTensorInfo(shape: number[], dtype: 'float32', values: TypedArray): TensorInfo
}

let planted = 0

/** tfjs's backend with a batch normalization of this file's. */
const withBatchNorm = (fault: Fault): Backend => {
  const name = `planted-${planted++}`
  registerBackend(name, findBackendFactory('cpu'))
  copyRegisteredKernels('cpu', name)
  let calls = 0
  registerKernel({
    kernelName: 'DigitlabBatchNorm',
    backendName: name,
    kernelFunc({ inputs, attrs, backend }) {
      const memory = backend as Memory
      const of = (input: string) => memory.data.get((inputs[input] as TensorInfo).dataId).values
      const { epsilon, momentum } = { ...(attrs as unknown as Required<Fault>), ...fault }
      const [x, weight, bias, batches] = [of('x'), of('weight'), of('bias'), of('batches')]
      const [runningMean, runningVariance] = [of('runningMean'), of('runningVariance')]
      const [channels, count] = [weight.length, x.length / weight.length]
      const [y, mean, inverse] = [new Float32Array(x.length), new Float32Array(channels), new Float32Array(channels)]
      const away = fault.race === undefined ? 0 : fault.race * (calls++ % 3)
      for (let c = 0; c < channels; c++) {
        const sum = (f: (value: number) => number) => {
          let total = 0
          for (let row = count - 1; row >= 0; row--) total = Math.fround(total + f(x[row * channels + c]!))
          return Math.fround(total / count)
        }
        mean[c] = sum((value) => value) + (calls > 1 ? away : 0)
        const variance = sum((value) => Math.fround((value - mean[c]!) ** 2))
        inverse[c] = 1 / Math.sqrt(variance + epsilon)
        for (let i = c; i < x.length; i += channels) y[i] = (x[i]! - mean[c]!) * inverse[c]! * weight[c]! + bias[c]!
        const kept = fault.biased ? variance : (variance * count) / (count - 1)
        runningMean[c] = (1 - momentum) * runningMean[c]! + momentum * mean[c]!
        runningVariance[c] = (1 - momentum) * runningVariance[c]! + momentum * kept
      }
      batches[0]!++
      const made = (values: Float32Array, shape: number[]) => memory.makeTensorInfo(shape, 'float32', values)
      return [made(y, (inputs['x'] as TensorInfo).shape), made(mean, [channels]), made(inverse, [channels])]
    },
  })
  return {
    ...stock(),
    start: async () => {
      await activate(name)
      return { id: 'wasm', device: name, threads: 1, versions: {} }
    },
  }
}

const parityOf = async (...backends: Backend[]) => {
  const { pairs, passed, rounding } = await runParity(experiment, { data, backends })
  const failed = pairs.flatMap(({ checks }) =>
    (Object.entries(checks) as [ParityCheck, ParityCell][]).flatMap(([check, cell]) => (cell.passed ? [] : [check])),
  )
  return { pairs, passed, rounding, failed }
}

describe('batch normalization of rows under Adam', () => {
  test('in another order of additions is further away than other nets may be, and within ten times one rounding', async () => {
    const { passed, failed, pairs, rounding } = await parityOf(stock(), withBatchNorm({}))
    expect(failed).toEqual([])
    expect(passed).toBe(true)
    const losses = pairs.at(-1)?.checks.losses
    expect(losses?.difference).toBeGreaterThan(1e-5) // what any net of dense layers is held to
    expect(losses?.from).toBe('rounding')
    expect(rounding?.losses).toBeGreaterThan(1e-6)
    expect(rounding?.losses).toBeLessThan(0.05)
    for (const { checks } of pairs) expect(checks.firstLoss).toMatchObject({ tolerance: 2e-6 })
    expect(pairs[0]?.checks.buffers?.tolerance).toBeLessThan(2e-4)
  })

  test.each<[string, Fault, ParityCheck]>([
    ['an epsilon of 1e-4 for 1e-5', { epsilon: 1e-4 }, 'firstLoss'],
    ['a momentum of 0.01 for 0.1', { momentum: 0.01 }, 'buffers'],
    ['the biased variance', { biased: true }, 'buffers'],
  ])('%s fails, beside another backend and alone', async (_, fault, check) => {
    expect((await parityOf(stock(), withBatchNorm(fault))).failed).toContain(check)
    expect((await parityOf(withBatchNorm(fault))).failed).toContain(check)
  })

  test('that does not repeat its bits is no measure of rounding, and fails', async () => {
    const { failed, rounding } = await parityOf(withBatchNorm({ race: 1e-3 }))
    expect(rounding).toBeUndefined()
    expect(failed).toContain('float64')
  })
})

test('a net that takes no rounding far is not asked what it makes of one', async () => {
  const linear = completeExperiment({ model: 'linear', dataset: 'tiny', epochs: 1, batchSize: 8 })
  const stages: string[] = []
  const { passed, rounding } = await runParity(linear, {
    ...{ data, backends: [stock(), stock()], onStage: (sentence) => stages.push(sentence) },
  })
  expect([passed, rounding, stages]).toEqual([true, undefined, ['computing the first 5 steps in float64']])
})
