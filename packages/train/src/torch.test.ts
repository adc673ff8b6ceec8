// Schedules and optimizers beside PyTorch's: tooling/reference/schedules-and-optimizers.py wrote what PyTorch 2.13 computes.
import { activate } from '@digitlab/backends'
import { resolveModel } from '@digitlab/models'
import { beforeAll, describe, expect, test } from 'vitest'
import { completeExperiment, optimizerTypes, scheduleTypes, type Experiment, type ExperimentInput } from './index'
import { optimizerOf } from './complete-experiment'
import { learningRateOf } from './learning-rate'
import { createOptimizer } from './optimizer'
import './testing/tiny'
import theirOptimizers from './testing/torch-optimizers.json'
import theirSchedules from './testing/torch-schedules.json'
import { tensor, type Tensor } from '@tensorflow/tfjs-core'

beforeAll(() => activate('cpu'))

const units = 200
/** Relative. */
const tolerance = 1e-12

const scheduledBy = (schedule: unknown, more: object = {}): Experiment =>
  completeExperiment({
    ...{ model: 'linear', epochs: units, optimizer: { learningRate: 0.1, momentum: 0.9 } },
    ...more,
    schedule,
  } as ExperimentInput)

const named = (schedule: unknown) =>
  Array.isArray(schedule) ? schedule.map(({ name }: { name: string }) => name) : [(schedule as { name: string }).name]

describe.each(theirSchedules.map((entry) => [JSON.stringify(entry.schedule), entry] as const))('%s', (_, entry) => {
  const { schedule, rates, momenta, watched } = entry as {
    readonly schedule: object
    readonly rates: readonly number[]
    readonly momenta?: readonly number[]
    readonly watched?: readonly number[]
  }
  const history = watched?.map((trainLoss) => ({ trainLoss })) ?? []
  const everies = watched ? (['epoch'] as const) : (['epoch', 'step'] as const)
  test.each(everies)("has PyTorch's learning rates, by the %s", (every) => {
    const counted = Array.isArray(schedule)
      ? schedule.map((each: object) => ({ ...each, every }))
      : { ...schedule, every }
    const stepsPerEpoch = every === 'epoch' ? 3 : 1
    const rate = learningRateOf(scheduledBy(counted), stepsPerEpoch, {}, history)
    expect(rate.everyStep).toBe(every === 'step')
    rates.forEach((theirs, unit) => {
      for (let step = unit * stepsPerEpoch + 1; step <= (unit + 1) * stepsPerEpoch; step++) {
        const { learningRate, momentum = 0.9 } = rate.options(step)
        expect(Math.abs(learningRate - theirs)).toBeLessThanOrEqual(tolerance * theirs)
        const wanted = momenta?.[unit] ?? 0.9
        expect(Math.abs(momentum - wanted)).toBeLessThanOrEqual(tolerance * wanted)
      }
    })
  })

  test('is the same where it is asked for from the middle on', () => {
    const all = learningRateOf(scheduledBy(schedule), 3, {}, history)
    const late = learningRateOf(scheduledBy(schedule), 3, {}, history)
    expect(late.options(301)).toEqual(all.options(301))
    for (let step = 1; step <= 301; step++) all.of(step)
    expect(late.options(301)).toEqual(all.options(301))
  })
})

test('every schedule and every optimizer is compared', () => {
  const compared = new Set(theirSchedules.flatMap(({ schedule }) => named(schedule)))
  expect(scheduleTypes.filter(({ name }) => !compared.has(name))).toEqual([])
  const stepped = new Set(theirOptimizers.map(({ optimizer }) => optimizer.name))
  expect(optimizerTypes.filter(({ name }) => !stepped.has(name))).toEqual([])
})

test("oneCycle changes the beta1 of those of Adam's kind", () => {
  const schedule = { name: 'oneCycle', maxLearningRate: 0.01 }
  const rate = learningRateOf(scheduledBy(schedule, { epochs: 1, optimizer: { name: 'adamw' } }), 938, {})
  const { beta1 = NaN, learningRate, ...rest } = rate.options(1)
  expect(learningRate).toBeCloseTo(0.01 / 25, 12)
  expect([beta1, rest]).toEqual([0.95, {}])
})

describe.each(theirOptimizers.map((entry) => [JSON.stringify(entry.optimizer), entry] as const))('%s', (_, entry) => {
  const begin = [0.5, -0.25, 1.5, 0, -2, 0.125]
  const gradientOf = (step: number) => begin.map((_, i) => Math.sin(i * 1.7 + step) / 3)
  const experiment = completeExperiment({ model: 'linear', optimizer: entry.optimizer })
  const at = [1, 5, 20]

  test('its float64 twin is PyTorch in float64', () => {
    const { type, options } = optimizerOf(experiment, {})
    const begins = type.begins?.(options) ?? {}
    const state = Object.fromEntries(
      type.state(options).map((name) => [name, new Float64Array(6).fill(begins[name] ?? 0)]),
    )
    const weight = Float64Array.from(begin)
    for (let step = 1; step <= 20; step++) {
      type.step64({ weight, gradient: Float64Array.from(gradientOf(step)), state, step, options })
      const theirs = entry.weights[at.indexOf(step)]
      theirs?.forEach((value, i) => expect(Math.abs((weight[i] ?? NaN) - value)).toBeLessThan(1e-13))
    }
  })

  test('its step is the same in float32', () => {
    const model = resolveModel({
      ...{ name: 'one', input: [1, 1, 1] },
      layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 3 }],
    })
    const weights = new Map<string, Tensor>([
      ['fc.weight', tensor(begin.slice(0, 3), [1, 3])],
      ['fc.bias', tensor(begin.slice(3), [3])],
    ])
    const optimizer = createOptimizer(model, { experiment, stepsPerEpoch: 100 }, weights)
    for (let step = 1; step <= 20; step++) {
      const g = gradientOf(step)
      const gradients = new Map([
        ['fc.weight', tensor(g.slice(0, 3), [1, 3])],
        ['fc.bias', tensor(g.slice(3), [3])],
      ])
      optimizer.step(gradients)
      for (const gradient of gradients.values()) gradient.dispose()
      const theirs = entry.weights[at.indexOf(step)]
      if (!theirs) continue
      const ours = ['fc.weight', 'fc.bias'].flatMap((name) => [...(optimizer.weights().get(name)?.dataSync() ?? [])])
      theirs.forEach((value, i) => expect(Math.abs((ours[i] ?? NaN) - value)).toBeLessThan(3e-6))
    }
    optimizer.dispose()
  })
})
