// The same seed gives the run of PyTorch, whatever the layers: twelve runs of six nets that PyTorch 2.13 wrote.
import { createHash } from 'node:crypto'
import { resolveModel, initialWeights, type ModelDefinition, type StateEntry } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import type { Backend } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import { loadDataset } from '@digitlab/data/node'
import { completeExperiment, runExperiment, type ExperimentInput } from '@digitlab/train'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { mnistFolder, vocabularyRuns, type VocabularyRun } from '../../../tooling/vitest/golden.ts'
import { noStandin, standinBackend } from '../../../packages/backend-cuda/standin/backend'

const bytesOf = ({ data, dtype }: StateEntry): Uint8Array => {
  const values = dtype === 'int64' ? BigInt64Array.from(data, BigInt) : data
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

const all = process.env['DIGITLAB_ALL'] === '1'
let mnist: Promise<Dataset> | undefined

/** The losses and learning rates of the first steps. */
const firstSteps = async (trace: VocabularyRun, backend: Backend, folder: string, steps: number) => {
  const data = await (mnist ??= loadDataset('mnist', { folder }))
  // What is asked for is seen in training.
  const few = { images: data.test.images.subarray(0, 10 * 784), labels: data.test.labels.subarray(0, 10), count: 10 }
  const experiment = completeExperiment(trace.experiment as ExperimentInput)
  const controller = new AbortController()
  const rates: number[] = []
  await backend.start()
  const before = memory().numTensors
  const { run } = await runExperiment(experiment, {
    ...{ data: { ...data, test: few }, backend, signal: controller.signal },
    onProgress(progress) {
      if (progress.type !== 'step') return
      rates.push(progress.learningRate)
      if (rates.length === steps) controller.abort()
    },
  })
  expect(memory().numTensors, 'tensors after a run').toBe(before)
  return { losses: run.history.stepLosses.slice(0, steps), rates: rates.slice(0, steps) }
}

/** For each step PyTorch's loss, or that of float64 where it is known and nearer to ours. */
const nearest = (ours: readonly number[], { losses, float64 = losses }: VocabularyRun): number[] =>
  losses.map((value, i) => {
    const exact = float64[i] ?? NaN
    return Math.abs(value - (ours[i] ?? NaN)) <= Math.abs(exact - (ours[i] ?? NaN)) ? value : exact
  })

const largest = (ours: readonly number[], theirs: readonly number[]) =>
  theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - (ours[i] ?? NaN))), 0)

/** A backend, and how many steps of a trace it takes: all 100 where it is fast, else as many as its processor has time for. */
const backends: readonly {
  readonly id: string
  readonly backend: () => Backend
  readonly steps: (trace: VocabularyRun, file: string) => number
}[] = [
  { id: 'wasm', backend: () => wasmBackend(), steps: (trace) => (all ? 100 : someSteps(trace)) },
  { id: 'cpu', backend: () => cpuBackend(), steps: (trace, file) => (all ? someOf(trace, 100) : fewOf(trace, file)) },
  // Waited for after each step: a run that is stopped computes what its device has been told to, which may be a hundred steps more.
  {
    id: 'cuda',
    backend: () => ({ ...standinBackend(), asynchronous: false }),
    steps: (trace, file) => (all ? someOf(trace, 20) : onStandin(trace, file)),
  },
]

/** Nets of dense layers are quick anywhere. */
const convolves = ({ initialState }: VocabularyRun): boolean =>
  Object.values(initialState).some(({ shape }) => shape.length === 4)

const someOf = (trace: VocabularyRun, most: number): number => {
  if (!convolves(trace)) return most
  if (trace.parameters > 1e6) return trace.experiment.seed === 0 ? 20 : 5
  return trace.float64 ? most : 20
}

/** By default seed 0 stands for the others: of those, and of convolutions, the first steps, which show the weights that came of a step. */
const someSteps = (trace: VocabularyRun): number => {
  if (trace.experiment.seed > 0 || trace.parameters > 1e6) return 5
  return convolves(trace) ? 20 : 100
}

/**
 * A net of a million parameters takes seconds a step, and one step alone shows the forward pass, which conformance holds to its reference. A
 * convolution whose whole output is normalized is slow, too: other nets have both, one without the other.
 */
const fewOf = (trace: VocabularyRun, file: string): number => {
  if (trace.experiment.seed > 0 || trace.parameters > 1e6 || file.startsWith('cnn-batch-norm')) return 0
  return convolves(trace) ? 2 : 20
}

const onStandin = (trace: VocabularyRun, file: string): number => Math.min(5, fewOf(trace, file))

describe.each(vocabularyRuns())('$file', ({ file, trace }) => {
  const { experiment, initialState, parameters } = trace
  const model = resolveModel(experiment.model as ModelDefinition)

  test("initial weights and buffers are PyTorch's to the bit, in its order", () => {
    expect(model.parameterCount).toBe(parameters)
    const found = initialWeights(model, new MersenneTwister(experiment.seed))
    expect([...found.keys()]).toEqual(Object.keys(initialState))
    for (const [name, { shape, sha256 }] of Object.entries(initialState)) {
      const entry = found.get(name)!
      expect(entry.shape, name).toEqual(shape)
      expect(createHash('sha256').update(bytesOf(entry)).digest('hex'), name).toBe(sha256)
    }
  })

  test.for(backends)(
    "losses and learning rates are PyTorch's, on $id",
    { timeout: 300_000 },
    async ({ id, backend, steps }, { skip }) => {
      const folder = mnistFolder()
      if (!folder) return skip('MNIST is not at hand: set DIGITLAB_DATA')
      if (id === 'cuda' && noStandin !== undefined) return skip(noStandin)
      const taken = steps(trace, file)
      if (taken === 0) return skip('npm test -- --all trains every net, from every seed, on every backend')
      const { losses, rates } = await firstSteps(trace, backend(), folder, taken)
      expect(losses).toHaveLength(taken)
      const { learningRates, againstOneThread } = trace
      const theirs = nearest(losses, trace).slice(0, taken)
      // Where PyTorch differs from itself, ten times that.
      const first20 = againstOneThread.first20 < 1e-5 ? 1e-5 : 10 * againstOneThread.first20
      const all = Math.max(first20, 10 * againstOneThread.losses)
      // CUDA's float32 decides otherwise once more: there it is no further away than PyTorch's is from float64.
      const own = id === 'cuda' && trace.float64 ? largest(trace.losses, trace.float64.slice(0, taken)) : 0
      expect(largest(losses.slice(0, 4), theirs.slice(0, 4))).toBeLessThan(first20)
      expect(largest(losses.slice(0, 20), theirs.slice(0, 20))).toBeLessThan(Math.max(first20, own))
      expect(largest(losses, theirs)).toBeLessThan(Math.max(all, own))
      rates.forEach((rate, i) => {
        const theirs = learningRates[i] ?? NaN
        expect(Math.abs(rate - theirs)).toBeLessThanOrEqual(1e-12 * theirs)
      })
    },
  )
})
