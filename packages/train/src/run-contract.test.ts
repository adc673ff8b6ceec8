// What runs owe to whoever begins them: beside one another, in callbacks, and where training fails in silence.
import type { Backend } from '@digitlab/backends'
import { activate, BackendError } from '@digitlab/backends'
import {
  copyRegisteredKernels,
  findBackendFactory,
  getBackend,
  memory,
  registerBackend,
  setBackend,
} from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { initialWeights, resolveModel } from '@digitlab/models'
import { disposeWeights, uploadWeights } from '@digitlab/models/compute'
import { MersenneTwister } from '@digitlab/random'
import {
  evaluate,
  runExperiment,
  runParity,
  TrainError,
  type Checkpoint,
  type ExperimentInput,
  type OptimizerOptions,
  type Progress,
} from './index'
import { leastMemory } from './memory'
import { stock, tiny, tinyExperiment } from './testing/tiny'

const data = tiny(50, 9)
const turn = () => new Promise((resolve) => setTimeout(resolve))

/** The same arithmetic under another name of tfjs's. */
const other = ((): Backend => {
  registerBackend('other', findBackendFactory('cpu'))
  copyRegisteredKernels('cpu', 'other')
  return {
    ...stock(),
    start: async () => {
      await activate('other')
      return { id: 'cpu', device: 'other', threads: 1, versions: {} }
    },
  }
})()

describe('runs in one thread', () => {
  test('on two backends are done in turn, each computed by what it records', async () => {
    const computed: Record<string, Set<string>> = {}
    const following =
      (name: string) =>
      async ({ type }: Progress) => {
        if (type === 'step') (computed[name] ??= new Set()).add(getBackend())
        await turn()
      }
    const [first, second] = await Promise.all([
      runExperiment(tinyExperiment(), { data, backend: other, onProgress: following('other') }),
      runExperiment(tinyExperiment(), { data, backend: stock(), onProgress: following('stock') }),
    ])
    expect([first.run.backend.device, second.run.backend.device]).toEqual(['other', 'stock'])
    expect(computed).toEqual({ other: new Set(['other']), stock: new Set(['cpu']) })
    expect(first.run.history.stepLosses).toEqual(second.run.history.stepLosses)
  })

  test.each(['onProgress', 'between', 'save'] as const)('a backend that %s sets ends the run', async (where) => {
    const before = memory().numTensors
    const change = () => setBackend('other').then(() => {})
    const run = runExperiment(tinyExperiment(), {
      data: tiny(600, 9),
      backend: stock(),
      ...(where === 'onProgress' ? { onProgress: ({ type }: Progress) => type === 'step' && change() } : {}),
      ...(where === 'between' ? { between: change } : {}),
      ...(where === 'save' ? { checkpoint: { every: { steps: 2 }, save: change } } : {}),
    })
    await expect(run).rejects.toThrow('tfjs computes on "other" now, this computation began on "cpu"')
    await expect(run).rejects.toBeInstanceOf(BackendError)
    expect(memory().numTensors).toBe(before)
  })

  test('a run within a callback of another is refused, not waited for', async () => {
    const run = runExperiment(tinyExperiment(), {
      data,
      backend: stock(),
      onProgress: () => runExperiment(tinyExperiment(), { data, backend: stock() }),
    })
    await expect(run).rejects.toThrow('a run was begun within a callback of another')
  })
})

describe('onProgress', () => {
  test('is waited for, in order, and the clock stands still', async () => {
    const done: string[] = []
    const began = performance.now()
    let waited = 0
    const { run } = await runExperiment(tinyExperiment({ epochs: 1 }), {
      data,
      backend: stock(),
      onProgress: async (progress) => {
        const from = performance.now()
        await new Promise((resolve) => setTimeout(resolve, 20))
        done.push(progress.type)
        waited += performance.now() - from
      },
    })
    expect(done).toEqual(['started', ...Array<string>(7).fill('step'), 'evaluating', 'epoch'])
    const { trainSeconds, evaluationSeconds } = run.timing
    expect(1000 * (trainSeconds + evaluationSeconds)).toBeLessThanOrEqual(performance.now() - began - waited)
  })

  test.each(['started', 'step', 'evaluating', 'epoch'] as const)(
    'that throws at %s, at once or later, ends the run with its error',
    async (type) => {
      const before = memory().numTensors
      const own = new Error('the disk is full')
      for (const backend of [stock(), stock(true)]) {
        const throwing = (progress: Progress) => {
          if (progress.type === type) throw own
        }
        const rejecting = async (progress: Progress) => {
          await turn()
          throwing(progress)
        }
        for (const onProgress of [throwing, rejecting]) {
          await expect(runExperiment(tinyExperiment(), { data, backend, onProgress })).rejects.toBe(own)
          const parity = runParity(tinyExperiment({ epochs: 1 }), {
            data,
            backends: [backend],
            onProgress: (_, progress) => onProgress(progress),
          })
          await expect(parity).rejects.toBe(own)
        }
      }
      expect(memory().numTensors).toBe(before)
    },
  )
})

describe('a checkpoint where the run is aborted', () => {
  const abortAt = async (when: (progress: Progress) => boolean, every?: { readonly epochs: number }) => {
    const controller = new AbortController()
    const kept: Checkpoint[] = []
    const { run } = await runExperiment(tinyExperiment({ epochs: 3 }), {
      data,
      backend: stock(),
      signal: controller.signal,
      onProgress: (progress) => when(progress) && controller.abort(),
      checkpoint: { save: async (checkpoint) => void kept.push(checkpoint), ...(every ? { every } : {}) },
    })
    return { run, places: kept.map(({ epoch, step }) => [epoch, step]), resume: kept.at(-1) }
  }

  test.each<[string, (progress: Progress) => boolean, number[]]>([
    ['before the first step', ({ type }) => type === 'started', [1, 0]],
    ['after a step', (progress) => progress.type === 'step' && progress.step === 3, [1, 3]],
    ['while it is evaluated', ({ type }) => type === 'evaluating', [2, 0]],
    ["at an epoch's end", ({ type }) => type === 'epoch', [2, 0]],
  ])('%s, with nothing asked for besides', async (_, when, place) => {
    const { run, places, resume } = await abortAt(when)
    expect(run.status).toBe('interrupted')
    expect(places).toEqual([place])
    const whole = await runExperiment(tinyExperiment({ epochs: 3 }), { data, backend: stock() })
    const resumed = await runExperiment(tinyExperiment({ epochs: 3 }), { data, backend: stock(), resume: resume! })
    expect(resumed.weights).toEqual(whole.weights)
    expect(resumed.run.history.stepLosses).toEqual(whole.run.history.stepLosses)
  })

  test('once, where one was due there anyway', async () => {
    const { places } = await abortAt(({ type }) => type === 'epoch', { epochs: 1 })
    expect(places).toEqual([
      [1, 0],
      [2, 0],
    ])
  })

  test('every so many seconds, of which those count that a caller takes', async () => {
    const save = async () => void kept++
    const slow = (seconds: number) =>
      runExperiment(tinyExperiment({ epochs: 1 }), {
        ...{ data, backend: stock() },
        checkpoint: { every: { seconds }, save },
        onProgress: async ({ type }) => {
          if (type === 'step') await new Promise((resolve) => setTimeout(resolve, 60))
        },
      })
    let kept = 0
    await slow(1e-9)
    expect(kept).toBe(1 + 7)
    kept = 0
    await slow(0.05) // every second step at least: its own wait comes before it is kept
    expect(kept).toBeGreaterThanOrEqual(1 + 3)
    kept = 0
    await slow(1000)
    expect(kept).toBe(1)
    for (const seconds of [0, -1, NaN, Infinity])
      await expect(slow(seconds)).rejects.toThrow('a checkpoint is made every so many steps or epochs')
  })
})

describe('where training leaves the numbers', () => {
  const failing = async (optimizer: Partial<OptimizerOptions>, more: Partial<ExperimentInput> = {}) => {
    const steps: number[] = []
    const notices: string[] = []
    const error = await runExperiment(tinyExperiment({ model: 'linear', optimizer, ...more }), {
      data,
      backend: stock(),
      onProgress: (progress) => {
        if (progress.type === 'step') steps.push(progress.loss)
        if (progress.type === 'notice') notices.push(progress.sentence)
      },
    }).then(
      () => undefined,
      (error: unknown) => error as Error,
    )
    return { message: error?.message ?? '', steps, notices }
  }

  test.each<[Partial<OptimizerOptions>, string]>([
    [{ name: 'sgd', learningRate: 1e38 }, 'try a learning rate of 0.1, which is known to work'],
    [{ name: 'sgd', learningRate: 1e38, momentum: 0.9 }, 'try a learning rate of 0.01, which is known to work'],
    [{ name: 'adam', learningRate: 1e38 }, 'try a learning rate of 0.001, which is known to work'],
    [{ name: 'sgd', weightDecay: 1e9 }, 'a weight decay of 1000000000 makes weights grow by itself'],
    [{ name: 'sgd', momentum: 1e9 }, 'with a momentum of 1000000000 no gradient is ever forgotten, try 0.9'],
    [{ name: 'adam', epsilon: 0 }, 'an epsilon of 0 divides by 0 where a gradient is 0, try 1e-8'],
  ])('%j: the advice is what is known to work', async (optimizer, advice) => {
    const dark = tiny(50, 9)
    dark.train.images.fill(0) // gradients of 0, for epsilon
    const { message } =
      'epsilon' in optimizer
        ? await runExperiment(tinyExperiment({ model: 'linear', optimizer }), { data: dark, backend: stock() }).then(
            () => ({ message: '' }),
            (error: Error) => error,
          )
        : await failing(optimizer, { epochs: 40 })
    expect(message).toContain('the loss became')
    expect(message).toContain(advice)
  })

  test('the loss that is not a number is told as a step before the error', async () => {
    const { steps } = await failing({ learningRate: 1e38 })
    expect(steps.at(-1)).not.toSatisfy(Number.isFinite)
  })

  test('a run that ends with an absurd loss says so, once', async () => {
    const { message, notices } = await failing({ learningRate: 1e9 }, { epochs: 3 })
    expect(message).toBe('')
    expect(notices).toHaveLength(1)
    expect(notices[0]).toMatch(/^the loss grew from 1\.\d+ to \d+ in epoch 1: .* try a learning rate of 0\.1, /)
    expect((await failing({ learningRate: 0.1 })).notices).toEqual([])
  })

  test('weights that are too large to begin with are blamed, not the learning rate', async () => {
    const model = resolveModel('linear', { input: [4, 4, 1], classes: 3 })
    const weights = initialWeights(model, new MersenneTwister(0))
    weights.get('fc.weight')?.data.fill(3e38)
    const run = runExperiment(tinyExperiment({ model: 'linear' }), { data, backend: stock(), initial: { weights } })
    await expect(run).rejects.toThrow(
      /before any weight was changed: the weights that training begins with are too large/,
    )
    await expect(run).rejects.toBeInstanceOf(TrainError)
  })

  test('images of one class are told of', async () => {
    const alike = tiny(50, 9)
    alike.train.labels.fill(1)
    const notices: string[] = []
    await runExperiment(tinyExperiment(), {
      data: alike,
      backend: stock(),
      onProgress: (progress) => progress.type === 'notice' && notices.push(progress.sentence),
    })
    expect(notices).toEqual([expect.stringContaining('all 50 training images are of the class b')])
  })
})

describe('memory', () => {
  const layers = [
    { type: 'flatten' },
    { type: 'dense', name: 'd', out: 65_536 },
    { type: 'dense', name: 'e', out: 10_000 },
    { type: 'dense', name: 'f', out: 10 },
  ] as const
  const big = { name: 'big', input: [4, 4, 1], layers } as const

  test('of a model that does not fit its backend is told in both numbers, before anything is drawn', async () => {
    const start = () => expect.unreachable('it was started')
    const run = runExperiment(tinyExperiment({ model: big }), {
      data,
      backend: stock(false, { id: 'wasm', memory: () => 2 ** 32, start }),
    })
    await expect(run).rejects.toThrow(
      'the model "big" has 656,584,122 weights, and training it needs at least 5.3 GB; the backend wasm has 4.3 GB',
    )
    await expect(run).rejects.toBeInstanceOf(TrainError)
  })

  test('is counted in weights, gradients, moments, images and the widest layer', () => {
    const model = resolveModel('linear', { input: [4, 4, 1], classes: 3 }) // 51 weights; its widest layer reads 16 and makes 16
    const counted = (optimizer: Partial<OptimizerOptions>) =>
      leastMemory(model, tinyExperiment({ model: 'linear', optimizer }), data)
    const rest = 59 * 16 + 4 * 9 * 32
    expect(counted({})).toBe(4 * 51 * 2 + rest)
    expect(counted({ momentum: 0.9 })).toBe(4 * 51 * 3 + rest)
    expect(counted({ name: 'adam' })).toBe(4 * 51 * 4 + rest)
  })
})

test('weights whose answers are no numbers are refused where they are evaluated', async () => {
  const model = resolveModel('linear', { input: [4, 4, 1], classes: 3 })
  await activate('cpu')
  for (const value of [3e38, NaN]) {
    const weights = initialWeights(model, new MersenneTwister(0))
    weights.get('fc.weight')?.data.fill(value)
    const uploaded = uploadWeights(model, weights)
    await expect(evaluate(model, uploaded, data.test, data.imageShape)).rejects.toThrow('answers image 0 with')
    disposeWeights(uploaded)
  }
})
