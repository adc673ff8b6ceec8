// A run whose layers draw and keep statistics, whose images are augmented, whose rate changes each step and whose weights and statistics
// are averaged is repeated from recordings, and goes on to the bit wherever it stopped.
import { cpuBackend } from '@digitlab/backend-cpu'
import { takenPaths, wasmBackend } from '@digitlab/backend-wasm'
import type { Backend, Recording } from '@digitlab/backends'
import { strokes } from '@digitlab/data'
import type { ModelDefinition } from '@digitlab/models'
import { completeExperiment, readCheckpoint, runExperiment, writeCheckpoint, type Checkpoint } from '@digitlab/train'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'

const model: ModelDefinition = {
  name: 'everything',
  input: [28, 28, 1],
  layers: [
    { type: 'conv2d', name: 'conv1', out: 4, kernel: 5, stride: 2, padding: 2, bias: false },
    { type: 'batchNorm', name: 'norm1' },
    { type: 'relu' },
    { type: 'conv2d', name: 'conv2', out: 4, kernel: [3, 1], groups: 4 },
    { type: 'gelu' },
    { type: 'maxPool2d', size: 3, stride: 2, padding: 1 },
    { type: 'dropout', p: 0.25 },
    { type: 'conv2d', name: 'conv3', out: 6, kernel: 3 },
    { type: 'elu' },
    {
      type: 'residual',
      layers: [
        { type: 'conv2d', name: 'block.conv', out: 6, kernel: 3, padding: 1 },
        { type: 'batchNorm', name: 'block.norm' },
        { type: 'silu' },
      ],
    },
    { type: 'avgPool2d', size: 2 },
    { type: 'flatten' },
    { type: 'dense', name: 'fc1', out: 20, bias: false },
    { type: 'batchNorm', name: 'norm2', momentum: 0.3 },
    { type: 'tanh' },
    { type: 'dropout' },
    { type: 'dense', name: 'fc2', out: 10 },
  ],
}
const experiment = completeExperiment({
  ...{ model, dataset: 'strokes', seed: 3, epochs: 2, batchSize: 16 },
  optimizer: { name: 'adam', learningRate: 0.01 },
  schedule: { name: 'oneCycle', maxLearningRate: 0.02 },
  ...{ labelSmoothing: 0.05, averageWeights: { decay: 0.9, buffers: true } },
  augment: { name: 'affine', rotate: 12, scale: 0.12, shift: 2.5, shear: 8 },
})

const run = async (backend: Backend, resume?: Checkpoint) => {
  const data = await strokes({ trainCount: 100, testCount: 20 })
  const kept: Uint8Array[] = []
  const save = async (checkpoint: Checkpoint) => void kept.push(await writeCheckpoint(checkpoint))
  await backend.start()
  const before = memory().numTensors
  const result = await runExperiment(experiment, {
    ...{ data, backend, checkpoint: { every: { steps: 1 }, save } },
    ...(resume ? { resume } : {}),
  })
  expect(memory().numTensors, 'tensors after a run').toBe(before)
  return { result, kept }
}

describe.each([
  ['wasm', wasmBackend()],
  ['cpu', cpuBackend()],
] as const)('%s', (id, backend) => {
  test('goes on from every fourth step to the same bits', async () => {
    const whole = await run(backend)
    const { stepLosses } = whole.result.run.history
    expect(stepLosses).toHaveLength(14)
    const batches = whole.result.weights.get('norm1.num_batches_tracked')
    expect(batches).toEqual({ shape: [], data: Float32Array.of(14), dtype: 'int64' })
    for (let at = 0; at < whole.kept.length; at += 4) {
      const { result } = await run(backend, await readCheckpoint(whole.kept[at]!))
      expect(result.run.history.stepLosses, `from checkpoint ${at}`).toEqual(stepLosses)
      expect(result.weights).toEqual(whole.result.weights)
      expect(result.predictions.after).toEqual(whole.result.predictions.after)
    }
  })

  test.runIf(id === 'wasm')('every step of a whole batch but the first two of an epoch is a repetition', async () => {
    const counted = { recorded: 0, repeated: 0 }
    const record: NonNullable<Backend['record']> = (compute) => {
      const made = backend.record!(compute)
      const { recording } = made
      if (!recording) return made
      counted.recorded++
      const counting: Recording = {
        ...recording,
        replay(variables) {
          counted.repeated++
          return recording.replay(variables)
        },
      }
      return { ...made, recording: counting }
    }
    const before = takenPaths()['dropout'] ?? 0
    await run({ ...backend, record })
    // Seven steps an epoch, the last one of four images; whether buffers stay in place is known after the first.
    expect(counted).toEqual({ recorded: 2, repeated: 9 })
    expect((takenPaths()['dropout'] ?? 0) - before).toBe(2 * (14 - 9))
  })
})
