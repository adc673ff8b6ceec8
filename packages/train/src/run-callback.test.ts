import type { StateDict } from '@digitlab/models'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  earlyStopping,
  runExperiment,
  trainEvents,
  TrainError,
  type Checkpoint,
  type EpochRecord,
  type RunOptions,
} from './index'
import { stock, tiny, tinyExperiment } from './testing/tiny'

const data = tiny(50, 9)
const options = { data, backend: stock() }

describe('callbacks', () => {
  test('are called where the run begins, at the epochs and where it ends, with the weights at hand', async () => {
    const before = memory().numTensors
    const said: string[] = []
    let last: StateDict | undefined
    const result = await runExperiment(tinyExperiment(), {
      ...options,
      callbacks: [
        {
          onTrainBegin: ({ model }) => said.push(`begin ${model.name}`),
          async onEpochEnd({ download, epochs }, { epoch }) {
            last = await download()
            said.push(`epoch ${epoch} of ${epochs.length}`)
          },
          onTrainEnd: ({ weights }) => said.push(`end ${weights.size}`),
        },
        {},
      ],
    })
    expect(said).toEqual(['begin two-layer', 'epoch 1 of 1', 'epoch 2 of 2', 'end 4'])
    expect(last).toEqual(result.weights)
    expect(memory().numTensors).toBe(before)
  })

  test('that throw end the run with their error', async () => {
    const own = new Error('its own')
    for (const name of ['onTrainBegin', 'onEpochEnd', 'onTrainEnd'] as const)
      await expect(
        runExperiment(tinyExperiment(), { ...options, callbacks: [{ [name]: () => Promise.reject(own) }] }),
      ).rejects.toBe(own)
  })

  test('may stop the run, which can be gone on with', async () => {
    const kept: Checkpoint[] = []
    const { run } = await runExperiment(tinyExperiment({ epochs: 3 }), {
      ...options,
      callbacks: [{ onEpochEnd: ({ stop }) => stop() }],
      checkpoint: { save: async (checkpoint) => void kept.push(checkpoint) },
    })
    expect([run.status, run.history.epochs.length]).toEqual(['interrupted', 1])
    expect(kept.map(({ epoch, step }) => [epoch, step])).toEqual([[2, 0]])
  })

  test.each<[number[], number, number | undefined]>([
    [[1, 0.5, 0.6, 0.7, 0.4], 2, 4],
    [[1, 0.5, 0.6, 0.4, 0.7], 2, undefined],
    [[1, 1, 1], 2, 3],
    [[1, 0.9, 0.8], 1, undefined],
  ])('earlyStopping of test losses %j with a patience of %d stops at %s', (losses, patience, at) => {
    const callback = earlyStopping({ patience })
    let stopped: number | undefined
    losses.forEach((_, i) => {
      const epochs = losses.slice(0, i + 1).map((testLoss): EpochRecord => ({
        ...{
          epoch: 1,
          trainLoss: 0,
          trainAccuracy: 0,
          testLoss,
          testAccuracy: 0,
          trainSeconds: 0,
          evaluationSeconds: 0,
        },
      }))
      void callback.onEpochEnd?.({ epochs, stop: () => (stopped ??= i + 1) } as never, epochs.at(-1) as EpochRecord)
    })
    expect(stopped).toBe(at)
  })
})

describe('trainEvents', () => {
  test('hands out what the run tells, and at last the run', async () => {
    const types: string[] = []
    let losses: readonly number[] = []
    for await (const event of trainEvents(tinyExperiment(), options)) {
      types.push(event.type)
      if (event.type === 'ended') losses = event.result.run.history.stepLosses
    }
    const epoch = [...Array<string>(7).fill('step'), 'evaluating', 'epoch']
    expect(types).toEqual(['started', ...epoch, ...epoch, 'ended'])
    expect(losses).toEqual((await runExperiment(tinyExperiment(), options)).run.history.stepLosses)
  })

  test('leaving the loop ends the run', async () => {
    const before = memory().numTensors
    const kept: Checkpoint[] = []
    const checkpoint: RunOptions['checkpoint'] = { save: async (checkpoint) => void kept.push(checkpoint) }
    for await (const event of trainEvents(tinyExperiment(), { ...options, checkpoint }))
      if (event.type === 'step' && event.step === 3) break
    expect(kept.map(({ epoch, step }) => [epoch, step])).toEqual([[1, 3]])
    expect(memory().numTensors).toBe(before)
  })

  test('throws what the run throws', async () => {
    const events = trainEvents({ model: 'resnet' }, options)
    await expect(events.next()).rejects.toThrow('there is no model "resnet"')
  })
})

test('a misspelt option is refused, with those that there are', async () => {
  const run = runExperiment(tinyExperiment(), { ...options, onprogress: () => {} } as RunOptions)
  await expect(run).rejects.toThrow(
    'a run has no option "onprogress", it has data, backend, extensions, workers, imageWorkers, onProgress',
  )
  await expect(run).rejects.toMatchObject({ name: 'TrainError', code: 'bad-input' })
  await expect(run).rejects.toBeInstanceOf(TrainError)
})
