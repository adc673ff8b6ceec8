import { activate, type Backend } from '@digitlab/backends'
import { sha256, type Dataset } from '@digitlab/data'
import { initialWeights, resolveModel, type StateDict } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory } from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { readSafetensors, writeSafetensors } from '@digitlab/weights'
import { beforeAll, describe, expect, test } from 'vitest'
import { mutated, presentable } from '../../../tooling/vitest/mutations.ts'
import {
  completeExperiment,
  readCheckpoint,
  runExperiment,
  TrainError,
  weightsId,
  writeCheckpoint,
  type CheckpointInterval,
  type ExperimentInput,
  type Progress,
  type RunOptions,
  type RunResult,
} from './index'

const stock = (device = 'stock', asynchronous = false): Backend => ({
  id: 'cpu',
  asynchronous,
  probe: async () => ({ usable: true, device }),
  start: async () => {
    await activate('cpu')
    return { id: 'cpu', device, threads: 1, versions: { arithmetic: '1' } }
  },
})

const split = (count: number, salt: number) => {
  const labels = Uint8Array.from({ length: count }, (_, i) => (i * 7 + salt) % 3)
  const images = Uint8Array.from({ length: count * 16 }, (_, i) => (i * i * 31 + i * salt + 40 * (i % 3)) % 256)
  return { images, labels, count }
}
/** 20 images: at a batch of 8 an epoch has three steps, the last of them on four. */
const data: Dataset = {
  name: 'tiny',
  title: 'Tiny',
  origin: 'this test',
  imageShape: [4, 4],
  classes: 3,
  classNames: ['a', 'b', 'c'],
  train: split(20, 0),
  test: split(6, 1),
  files: [{ name: 'images', bytes: 320, sha256: 'ab'.repeat(32) }],
}
const experiment = (more: Partial<ExperimentInput> = {}) =>
  completeExperiment({ model: 'two-layer', dataset: 'tiny', epochs: 2, batchSize: 8, ...more })

beforeAll(() => env().set('IS_TEST', true))

/** Runs and keeps the bytes of every checkpoint. */
const withCheckpoints = async (
  every: CheckpointInterval,
  input = experiment(),
  more: Partial<RunOptions> = {},
): Promise<{ result: RunResult; kept: Uint8Array[] }> => {
  const kept: Uint8Array[] = []
  const checkpoint: RunOptions['checkpoint'] = {
    every,
    save: async (checkpoint) => void kept.push(await writeCheckpoint(checkpoint)),
  }
  return { result: await runExperiment(input, { data, backend: stock(), checkpoint, ...more }), kept }
}

/** What may not differ: everything but the clock. */
const figures = ({ run, weights, predictions }: RunResult) => ({
  ...{ id: run.id, status: run.status, metrics: run.metrics, stepLosses: run.history.stepLosses, predictions },
  epochs: run.history.epochs.map((record) => ({ ...record, trainSeconds: 0, evaluationSeconds: 0 })),
  weights: [...weights].map(([name, { shape, data }]) => [name, shape, [...new Uint8Array(data.buffer)]]),
})

describe('a run goes on from each of its checkpoints to the bit', () => {
  test.each([
    [{ name: 'sgd' }, false],
    [{ name: 'sgd', momentum: 0.9, weightDecay: 0.01 }, false],
    [{ name: 'adam' }, false],
    [{ name: 'adam' }, true],
  ] as const)('%j, asynchronous %j', async (optimizer, asynchronous) => {
    const before = memory().numTensors
    const input = experiment({ optimizer })
    const backend = stock('stock', asynchronous)
    const whole = await runExperiment(input, { data, backend })
    const { result, kept } = await withCheckpoints({ steps: 1 }, input, { backend })
    expect(figures(result)).toEqual(figures(whole))
    expect(kept).toHaveLength(1 + 6)
    for (const bytes of kept) {
      const resume = await readCheckpoint(bytes)
      expect(await writeCheckpoint(resume)).toEqual(bytes)
      expect(figures(await runExperiment(input, { data, backend, resume }))).toEqual(figures(whole))
    }
    expect(memory().numTensors).toBe(before)
  })

  test('stopped again and again, after a step each', async () => {
    const whole = await runExperiment(experiment(), { data, backend: stock() })
    let { result, kept } = await withCheckpoints({ epochs: 1 }, experiment(), { signal: AbortSignal.abort() })
    for (let times = 0; result.run.status === 'interrupted'; times++) {
      expect(times).toBeLessThan(10)
      const resume = await readCheckpoint(kept.at(-1) as Uint8Array)
      const controller = new AbortController()
      const onProgress = ({ type }: Progress) => void (type === 'step' && controller.abort())
      ;({ result, kept } = await withCheckpoints({ epochs: 1 }, experiment(), {
        resume,
        signal: controller.signal,
        onProgress,
      }))
    }
    expect(figures(result)).toEqual(figures(whole))
  })

  test('every so many epochs, and the clock goes on too', async () => {
    const { kept, result } = await withCheckpoints({ epochs: 1 })
    expect(kept).toHaveLength(1 + 2)
    const resume = await readCheckpoint(kept[1] as Uint8Array)
    expect([resume.epoch, resume.step, resume.stepLosses.length]).toEqual([2, 0, 3])
    const { run } = await runExperiment(experiment(), { data, backend: stock(), resume })
    expect(run.startedAt).toBe(result.run.startedAt)
    expect(run.timing.trainSeconds).toBeGreaterThan(resume.timing.trainSeconds)
  })
})

describe('a checkpoint of another run is refused with the difference', () => {
  const other = { trainCount: 20, testCount: 6 }
  test.each<[string, Partial<ExperimentInput>, Partial<RunOptions>, string]>([
    ['seed', { seed: 4 }, {}, "its seed is 0, this one's 4"],
    ['model', { model: 'linear' }, {}, `its model is "two-layer", this one's "linear"`],
    ['optimizer', { optimizer: { learningRate: 0.2 } }, {}, 'its optimizer is {"learningRate":0.1'],
    ['epochs', { epochs: 9 }, {}, "its epochs is 2, this one's 9"],
    ['device', {}, { backend: stock('other') }, 'its backend is stock, this one is other'],
    [
      'fewer images',
      {},
      { data: { ...data, train: split(16, 0) } },
      `its data set has a trainCount of ${other.trainCount}`,
    ],
    [
      'other files',
      {},
      { data: { ...data, files: [{ name: 'images', bytes: 320, sha256: 'cd'.repeat(32) }] } },
      "its images has the SHA-256 abababab, this one's cdcdcdcd",
    ],
  ])('%s', async (_, more, options, message) => {
    const { kept } = await withCheckpoints({ epochs: 1 })
    const resume = await readCheckpoint(kept[1] as Uint8Array)
    const run = runExperiment(experiment(more), { data, backend: stock(), resume, ...options })
    await expect(run).rejects.toThrow(message)
    await expect(run).rejects.toBeInstanceOf(TrainError)
  })

  test('whatever bit is flipped, and wherever it is cut', async () => {
    const { kept } = await withCheckpoints({ epochs: 1 })
    const sound = kept[1] as Uint8Array
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * sound.length - 1), fc.nat(sound.length - 1), async (bit, cut) => {
        const bytes = Uint8Array.from(sound)
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        // A flip in the name of a metadata field that nobody reads would do no harm; there is none.
        await expect(readCheckpoint(bytes)).rejects.toBeInstanceOf(TrainError)
        await expect(readCheckpoint(sound.subarray(0, cut))).rejects.toBeInstanceOf(TrainError)
      }),
      { numRuns: 150 },
    )
  })

  test('an interval that is none', async () => {
    await expect(withCheckpoints({ steps: 0 })).rejects.toThrow('at least 1, or every so many seconds, not {"steps":0}')
  })
})

describe('a state that is none is refused in a sentence, though its checksum is right', () => {
  type Loose = Record<string, unknown>

  /** A checkpoint's bytes with its state and arrays changed, and a checksum of what they are now. */
  const forged = async (
    sound: Uint8Array,
    change: (state: Loose, arrays: StateDict) => unknown,
    version = '2',
  ): Promise<Uint8Array> => {
    const { weights: arrays, metadata } = readSafetensors(sound)
    const state = JSON.parse(metadata.get('state') ?? '') as Loose
    const answer = change(state, arrays)
    const text = JSON.stringify(answer === undefined ? state : answer)
    const rest = { format: 'digitlab-checkpoint', version, state: text }
    return writeSafetensors(arrays, {
      metadata: { ...rest, sha256: await sha256(writeSafetensors(arrays, { metadata: { state: text } })) },
    })
  }
  const adam = experiment({ optimizer: { name: 'adam' } })
  let sound = new Uint8Array(0)
  beforeAll(async () => {
    const { kept } = await withCheckpoints({ steps: 1 }, adam)
    sound = kept[5] as Uint8Array<ArrayBuffer> // after the second step of the second epoch
    expect(await readCheckpoint(await forged(sound, () => undefined))).toMatchObject({ epoch: 2, step: 2 })
  })

  const put = (values: Loose) => (state: Loose) => void Object.assign(state, values)
  test.each<[string, (state: Loose, arrays: StateDict) => unknown, string]>([
    ['no state', () => null, "Instance type 'null' is invalid"],
    ['no optimizer', (state) => void delete state['optimizer'], 'required property'],
    [
      'another optimizer',
      put({ optimizer: { steps: 5, moments: [] } }),
      'it keeps nothing beside the weights, adam keeps first, second',
    ],
    ['an epoch before the first', put({ epoch: -5 }), '-5 is less than 1'],
    ['an epoch after the last', put({ epoch: 4 }), 'it stands at step 2 of epoch 4, the run has 2 epochs of 3 steps'],
    ['a step after the last', put({ step: 1e9 }), 'it stands at step 1000000000 of epoch 2'],
    ['an empty generator', put({ generator: {} }), 'required property'],
    ['half a generator', put({ generator: { words: [1], position: 0 } }), 'Array has too few items (1 < 624)'],
    ['another place', put({ step: 1 }), 'its losses are 5, where it stands there are 4'],
    [
      'images that were not seen',
      put({ totals: { images: 8, loss: 1, correct: 1, seconds: 1 } }),
      "its epoch's images are 8, where it stands there are 16",
    ],
    [
      'more right than seen',
      put({ totals: { images: 16, loss: 1, correct: 17, seconds: 1 } }),
      '17 of its 16 images are counted as right',
    ],
    ['no epochs', put({ epochs: [] }), 'its epochs are 0, where it stands there are 1'],
    ['no such model', put({ experiment: { ...adam, model: 'resnet' } }), 'there is no model "resnet"'],
    ['another model', put({ experiment: { ...adam, model: 'cnn' } }), 'its weights lack "conv1.weight"'],
    [
      'no such optimizer',
      put({ experiment: { ...adam, optimizer: { name: 'lion' } } }),
      'there is no optimizer "lion"',
    ],
    ['an interval that is none', put({ every: { steps: 0 } }), 'a checkpoint is made every so many steps'],
    ['initial weights of nobody', put({ initial: true }), 'its experiment names none'],
    ['a weight that is missing', (_, arrays) => void arrays.delete('weights/fc2.bias'), 'its weights lack "fc2.bias"'],
    ['a moment that is missing', (_, arrays) => void arrays.delete('first/fc1.bias'), 'its first lack "fc1.bias"'],
    [
      'a moment of another shape',
      (_, arrays) => void arrays.set('second/fc2.bias', { shape: [2], data: new Float32Array(2) }),
      'its second hold "fc2.bias" as [2], its weights as [3]',
    ],
    [
      'a weight too many',
      (_, arrays) => void arrays.set('weights/fc9.bias', { shape: [2], data: new Float32Array(2) }),
      'hold "fc9.bias", which its model has not',
    ],
    ['no losses', (_, arrays) => void arrays.delete('stepLosses'), 'its losses are 0, where it stands there are 5'],
  ])('%s', async (_, change, message) => {
    const read = readCheckpoint(await forged(sound, change))
    await expect(read).rejects.toThrow(message)
    await expect(read).rejects.toSatisfy(
      (error: Error & { mendable?: true }) => error.mendable === true && presentable(error.message),
    )
  })

  test('one of version 1, which knew nothing of draws within an epoch, goes on to the bit', async () => {
    const bytes = await forged(sound, (state) => void delete state['generatorNow'], '1')
    const whole = await runExperiment(adam, { data, backend: stock() })
    const resume = await readCheckpoint(bytes)
    expect(figures(await runExperiment(adam, { data, backend: stock(), resume }))).toEqual(figures(whole))
    await expect(readCheckpoint(await forged(sound, () => undefined, '3'))).rejects.toThrow('reads versions 1 to 2')
    const lacking = forged(sound, (state) => void delete state['generatorNow'])
    await expect(readCheckpoint(await lacking)).rejects.toThrow("required property 'generatorNow'")
  })

  test('weights of another size than the data ask for are told before anything is computed', async () => {
    const bytes = await forged(sound, (_, arrays) => {
      for (const part of ['weights', 'first', 'second'])
        arrays.set(`${part}/fc1.weight`, { shape: [100, 9], data: new Float32Array(900) })
    })
    const resume = await readCheckpoint(bytes)
    await expect(runExperiment(adam, { data, backend: stock(), resume })).rejects.toThrow(
      '"fc1.weight" of the model "two-layer" has shape [100, 16], the weights hold [100, 9]',
    )
  })

  test('whatever is changed in it', async () => {
    const { metadata } = readSafetensors(sound)
    let [refused, resumed] = [0, 0]
    await fc.assert(
      fc.asyncProperty(mutated(JSON.parse(metadata.get('state') ?? '')), async (value) => {
        let bytes: Uint8Array
        try {
          bytes = await forged(sound, () => value ?? null)
        } catch {
          return // beyond JSON.stringify
        }
        try {
          const resume = await readCheckpoint(bytes)
          resumed++
          await runExperiment(resume.experiment, { data, backend: stock(), resume })
        } catch (error) {
          const { message, mendable } = error as Error & { mendable?: true }
          if (!mendable) throw error
          if (!presentable(message)) throw new Error(`not presentable: ${message}`, { cause: error })
          refused++
        }
      }),
      { numRuns: 150, seed: 1, interruptAfterTimeLimit: 10_000 },
    )
    expect(refused).toBeGreaterThan(20)
    expect(resumed).toBeGreaterThan(0)
  })
})

describe('given weights to begin with', () => {
  const model = resolveModel('two-layer', { input: [4, 4, 1], classes: 3 })
  const weights = initialWeights(model, new MersenneTwister(77))

  test('are what the run begins with, are recorded, and go into checkpoints', async () => {
    const { result, kept } = await withCheckpoints({ steps: 1 }, experiment(), { initial: { weights } })
    const { initial } = result.run.experiment
    expect(initial).toEqual({ sha256: await weightsId(weights), newHead: false })
    const seeded = await runExperiment(experiment(), { data, backend: stock() })
    expect(result.run.id).not.toBe(seeded.run.id)
    expect(result.run.history.stepLosses[0]).not.toBe(seeded.run.history.stepLosses[0])
    const turned = new Map([...weights].reverse())
    const again = await runExperiment(result.run.experiment, { data, backend: stock(), initial: { weights: turned } })
    expect(figures(again)).toEqual(figures(result))
    const resume = await readCheckpoint(kept[2] as Uint8Array)
    expect(figures(await runExperiment(result.run.experiment, { data, backend: stock(), resume }))).toEqual(
      figures(result),
    )
  })

  test('a new last layer is the one that the seed draws', async () => {
    const wide = initialWeights(resolveModel('two-layer', { input: [4, 4, 1], classes: 9 }), new MersenneTwister(77))
    const run = (newHead: boolean) =>
      runExperiment(experiment({ optimizer: { learningRate: 1e-30 } }), {
        ...{ data, backend: stock(), initial: { weights: wide, newHead } },
      })
    await expect(run(false)).rejects.toThrow(
      '"fc2.weight" of the model "two-layer" has shape [3, 100], the weights hold [9, 100]',
    )
    const { weights } = await run(true)
    const drawn = initialWeights(model, new MersenneTwister(0))
    for (const name of ['fc2.weight', 'fc2.bias']) expect(weights.get(name)).toEqual(drawn.get(name))
    for (const name of ['fc1.weight', 'fc1.bias']) expect(weights.get(name)).toEqual(wide.get(name))
  })

  test('others than the experiment names, or none, or NaN, are refused', async () => {
    const recorded = experiment({ initial: { sha256: await weightsId(weights), newHead: false } })
    const other = initialWeights(model, new MersenneTwister(78))
    const run = (more: Partial<RunOptions>) => runExperiment(recorded, { data, backend: stock(), ...more })
    await expect(run({})).rejects.toThrow('begins with given weights (SHA-256')
    await expect(run({ initial: { weights: other } })).rejects.toThrow('give those it was made with')
    const nan = new Map(other).set('fc2.bias', { shape: [3], data: Float32Array.of(0, NaN, 0) })
    const begun = runExperiment(experiment(), { data, backend: stock(), initial: { weights: nan } })
    await expect(begun).rejects.toThrow('found NaN at index 1 of "fc2.bias"')
    expect(() => experiment({ initial: { sha256: 'x', newHead: true } })).toThrow('64 hexadecimal digits')
  })
})
