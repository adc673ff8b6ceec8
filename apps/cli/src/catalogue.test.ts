// Nets of the catalogue train alike on every backend: sprint, which is quick on the stand-in; all of them where all is asked for.
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import type { Backend } from '@digitlab/backends'
import { strokes } from '@digitlab/data'
import { modelNames } from '@digitlab/models'
import { completeExperiment, runExperiment } from '@digitlab/train'
import { memory } from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { noStandin, standinBackend } from '../../../packages/backend-cuda/standin/backend'

const names = process.env['DIGITLAB_ALL'] === '1' ? modelNames : (['sprint'] as const)
const others = [
  { id: 'cpu', backendOf: cpuBackend },
  { id: 'cuda', backendOf: standinBackend },
]

test.for(names.flatMap((model) => others.map((other) => ({ model, ...other }))))(
  '$model on $id has the losses of wasm, and nothing leaks',
  { timeout: 120_000 },
  async ({ model, id, backendOf }, { skip }) => {
    if (id === 'cuda' && noStandin !== undefined) return skip(noStandin)
    const data = await strokes({ trainCount: 16, testCount: 4 })
    const optimizer = { learningRate: 0.01 }
    const experiment = completeExperiment({ model, dataset: 'strokes', epochs: 2, batchSize: 8, optimizer })
    const lossesOn = async (backend: Backend) => {
      await backend.start()
      const before = memory().numTensors
      const { run } = await runExperiment(experiment, { data, backend })
      expect(memory().numTensors, 'tensors after a run').toBe(before)
      return run.history.stepLosses
    }
    const wanted = await lossesOn(wasmBackend())
    const found = await lossesOn(backendOf())
    expect(found).toHaveLength(4)
    // 7.2e-7 is the most that they differ by.
    found.forEach((loss, i) => expect(Math.abs(loss - (wanted[i] ?? NaN)), `step ${i + 1}`).toBeLessThan(5e-6))
  },
)
