import { activate, type Backend, type Recording } from '@digitlab/backends'
import { initialWeights, resolveModel } from '@digitlab/models'
import { downloadWeights, uploadWeights } from '@digitlab/models/compute'
import { batchSource } from '@digitlab/ops'
import { MersenneTwister } from '@digitlab/random'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, tensor1d, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { completeExperiment } from './complete-experiment'
import { createExchange, createSharedState } from './exchange'
import { createOptimizer } from './optimizer'
import { createRepeater } from './repeater'
import { aloneStepping, sharedSteps, type Learner } from './stepping'
import { trainingLoss } from './training-loss'

const backend: Backend = {
  id: 'cpu',
  asynchronous: false,
  probe: async () => ({ usable: true, device: 'stock' }),
  start: async () => ({ id: 'cpu', device: 'stock', threads: 1, versions: {} }),
}

beforeAll(async () => {
  env().set('IS_TEST', true)
  await activate('cpu')
})

const model = resolveModel('two-layer', { input: [4, 4, 1], classes: 3 })
const count = 25
const images = Uint8Array.from({ length: count * 16 }, (_, i) => (i * i * 31 + 7 * i) % 256)
const labels = Uint8Array.from({ length: count }, (_, i) => i % 3)
const order = Int32Array.from({ length: count }, (_, i) => (i * 7) % count)
const batchSize = 8

const learnerOf = (momentum: number): Learner => {
  const weights = uploadWeights(model, initialWeights(model, new MersenneTwister(5)))
  const experiment = completeExperiment({ model: 'two-layer', optimizer: { momentum }, batchSize })
  const optimizer = createOptimizer(model, { experiment, stepsPerEpoch: Math.ceil(count / batchSize) }, weights)
  const train = batchSource(images, labels, [4, 4])
  train.setOrder(order)
  const [loss, generator] = [trainingLoss(experiment, {}), new MersenneTwister(0)]
  return { model, optimizer, train, backend, loss, generator }
}
const free = ({ optimizer, train }: Learner) => {
  optimizer.dispose()
  train.dispose()
}
const valuesOf = async ({ optimizer }: Learner) =>
  [...(await downloadWeights(model, optimizer.weights())).values()].flatMap(({ data }) => [...data])

describe('steps that workers share', () => {
  test.each([
    [2, 0],
    [3, 0.9],
    [4, 0], // the last batch holds one image: three shares are empty
  ])('%i workers, momentum %d: equal weights to the bit, and those of a step alone', async (workers, momentum) => {
    const before = memory().numTensors
    const alone = learnerOf(momentum)
    const stepping = aloneStepping(alone)
    await stepping.startEpoch(order, batchSize, 0)
    const state = createSharedState(workers, model.parameterCount + 2)
    const team = Array.from({ length: workers }, (_, index) => {
      const learner = learnerOf(momentum)
      const exchange = createExchange(state, index)
      return { learner, exchange, steps: sharedSteps(learner, exchange, index, workers, batchSize) }
    })
    for (let n = 0, start = 0; start < count; n++, start += batchSize) {
      const size = Math.min(batchSize, count - start)
      for (const { steps, exchange } of team) {
        expect(exchange.wait(n, 0)).toBe(false) // not before all are there
        steps.contribute(n, start, size)
        exchange.publish(n)
      }
      const told = team.map(({ steps, exchange }) => {
        expect(exchange.wait(n, 0)).toBe(true)
        return steps.conclude(n)
      })
      const summary = await stepping.step(start, size)
      const [loss = NaN, correct = NaN] = Array.from(await summary.values())
      summary.dispose()
      for (const [theirs, right] of told) {
        expect(theirs).toBe(told[0]?.[0])
        expect(theirs).toBeCloseTo(loss, 5)
        expect(right).toBe(correct)
      }
    }
    const [first = [], ...others] = await Promise.all(team.map(({ learner }) => valuesOf(learner)))
    for (const other of others) expect(other).toEqual(first)
    const whole = await valuesOf(alone)
    expect(Math.max(...whole.map((value, i) => Math.abs(value - (first[i] ?? NaN))))).toBeLessThan(1e-5)
    for (const { learner, steps } of team) {
      steps.end()
      free(learner)
    }
    await stepping.endEpoch()
    free(alone)
    expect(memory().numTensors).toBe(before)
  })
})

describe('a repeated computation', () => {
  /** A backend that records: repeating fails once `failing` is set. */
  const recorder = () => {
    const state = { recorded: 0, replayed: 0, disposed: 0, failing: false }
    const record: Backend['record'] = (compute) => {
      state.recorded++
      const recording: Recording = {
        replay: () => !state.failing && ++state.replayed > 0,
        dispose: () => void state.disposed++,
      }
      return { result: compute(), recording }
    }
    return { state, record }
  }
  const again = (recording: Recording) => recording.replay({ start: 0, step: 1 })
  const compute = (): Tensor[] => [tensor1d([1])]

  test('is recorded once for the usual size, and anew where repeating fails', () => {
    const before = memory().numTensors
    const { state, record } = recorder()
    const repeater = createRepeater(record)
    const first = repeater.run(8, true, again, compute)
    expect(repeater.run(8, true, again, compute).tensors).toBe(first.tensors)
    const odd = repeater.run(3, false, again, compute)
    expect(odd.kept).toBe(false)
    odd.tensors.forEach((tensor) => tensor.dispose())
    expect(state).toMatchObject({ recorded: 1, replayed: 1, disposed: 0 })
    state.failing = true
    expect(repeater.run(8, true, again, compute).kept).toBe(true)
    expect(state).toMatchObject({ recorded: 2, disposed: 1 })
    repeater.forget()
    expect(state.disposed).toBe(2)
    expect(memory().numTensors).toBe(before)
  })

  test('is left alone after a few tries that could not be recorded', () => {
    let tries = 0
    const repeater = createRepeater((run) => {
      tries++
      return { result: run(), recording: undefined }
    })
    for (let i = 0; i < 20; i++) repeater.run(8, true, again, compute).tensors.forEach((tensor) => tensor.dispose())
    expect(tries).toBe(4)
  })
})
