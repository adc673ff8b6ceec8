import { BackendError, type Backend, type DeviceWatch } from '@digitlab/backends'
import { strokes } from '@digitlab/data'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend } from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { completeExperiment, runExperiment, type Checkpoint, type RunOptions } from './index'

const data = await strokes({ trainCount: 64, testCount: 8 })
const experiment = completeExperiment({ model: 'linear', dataset: 'strokes', epochs: 2, batchSize: 8 })
const lostError = new BackendError('the device is lost')

beforeAll(() => env().set('IS_TEST', true))

/** tfjs's stock backend on a device that can be lost. */
const losable = ({ heard = true } = {}) => {
  let lost = false
  let tell: (error: BackendError) => void = () => {}
  const gone = new Promise<BackendError>((resolve) => (tell = resolve))
  const watch: DeviceWatch = { gone, lost: () => (lost ? lostError : undefined) }
  const backend: Backend = {
    id: 'webgl',
    asynchronous: true,
    probe: async () => ({ usable: true, device: 'a test' }),
    start: async () => {
      await setBackend('cpu')
      return { id: 'webgl', device: 'a test', threads: 1, versions: {} }
    },
    watch: () => watch,
  }
  const lose = () => {
    lost = true
    if (heard) tell(lostError)
  }
  return { backend, lose }
}

const failing = async (options: Omit<RunOptions, 'data'>) => {
  const before = memory().numTensors
  await expect(runExperiment(experiment, { data, ...options })).rejects.toBe(lostError)
  expect(memory().numTensors).toBe(before)
}

test('a device that is lost ends the run with its error, whether that is heard or only seen', async () => {
  for (const heard of [true, false]) {
    const { backend, lose } = losable({ heard })
    const seen: string[] = []
    await failing({
      backend,
      onProgress: (progress) => {
        seen.push(progress.type)
        if (progress.type === 'epoch') lose()
      },
    })
    expect(seen.at(-1)).toBe('epoch')
  }
})

test('the loss is told where something waits for the device for ever, or throws for another reason', async () => {
  for (const wait of [
    () => new Promise<never>(() => {}),
    () => Promise.reject(new Error('mapAsync: the buffer is not valid')),
  ]) {
    const { backend, lose } = losable()
    await failing({
      backend,
      checkpoint: {
        every: { steps: 3 },
        save: async ({ step }) => {
          if (step === 0) return
          lose()
          await wait()
        },
      },
    })
  }
})

test('no checkpoint is made of what a lost device answers, and the last one before goes on', async () => {
  const { backend, lose } = losable({ heard: false })
  const kept: Checkpoint[] = []
  await failing({
    backend,
    checkpoint: { every: { steps: 5 }, save: async (checkpoint) => void kept.push(checkpoint) },
    onProgress: (progress) => {
      if (progress.type === 'step' && progress.step === 5 && progress.epoch === 2) lose()
    },
  })
  expect(kept.map(({ epoch, step }) => [epoch, step])).toEqual([
    [1, 0],
    [1, 5],
    [2, 2],
  ])
  const whole = await runExperiment(experiment, { data, backend: losable().backend })
  const resume = kept.at(-1) as Checkpoint
  const resumed = await runExperiment(experiment, { data, backend: losable().backend, resume })
  expect(resumed.run.history.stepLosses).toEqual(whole.run.history.stepLosses)
})

test('an error of a run whose device is there stays what it is', async () => {
  const { backend } = losable()
  const save = () => Promise.reject(new Error('the disk is full'))
  await expect(runExperiment(experiment, { data, backend, checkpoint: { every: { steps: 1 }, save } })).rejects.toThrow(
    'the disk is full',
  )
})
