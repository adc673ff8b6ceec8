// The case study's models: what PyTorch found, and what float64 finds, from the same seed. On the stand-in few steps, as a processor that
// plays a GPU is slow; on a GPU more.
import { strokes, type Dataset } from '@digitlab/data'
import { loadDataset } from '@digitlab/data/node'
import { initialWeights, resolveModel } from '@digitlab/models'
import { lossAndGradients, uploadWeights } from '@digitlab/models/compute'
import { batchSource } from '@digitlab/ops'
import { dataLoaderOrder, MersenneTwister } from '@digitlab/random'
import { completeExperiment, createOptimizer, firstLosses64, runExperiment } from '@digitlab/train'
import { memory, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { goldenRuns, mnistFolder, type GoldenRun } from '../../../tooling/vitest/golden.ts'
import { onGpu, testedBackend, untestable } from '../standin/backend'

const largest = (ours: readonly number[], theirs: readonly number[]) =>
  theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - (ours[i] ?? NaN))), 0)

const everything = process.env['DIGITLAB_ALL'] === '1'
let mnist: Promise<Dataset> | undefined

/** The losses of a trace's first steps: the first is recorded, the others repeat it. */
const firstLosses = async (
  { model: name, seed, batchSize, learningRate }: GoldenRun,
  folder: string,
  steps: number,
) => {
  const backend = testedBackend()
  await backend.start()
  const before = memory().numTensors
  const { train, imageShape } = await (mnist ??= loadDataset('mnist', { folder }))
  const model = resolveModel(name)
  const generator = new MersenneTwister(seed)
  const weights = uploadWeights(model, initialWeights(model, generator))
  const experiment = completeExperiment({ model: name, seed, batchSize, optimizer: { learningRate } })
  const stepsPerEpoch = Math.ceil(train.count / batchSize)
  const optimizer = createOptimizer(model, { experiment, stepsPerEpoch }, weights)
  const source = batchSource(train.images, train.labels, imageShape)
  source.setOrder(dataLoaderOrder(generator, train.count))
  const first = backend.record?.(() =>
    tidy((): Tensor[] => {
      const { images, labels } = source.batch(0, batchSize)
      const { summary, gradients } = lossAndGradients(model, optimizer.weights(), images, labels, 1 / batchSize)
      optimizer.step(gradients)
      return [summary]
    }),
  )
  if (!first?.recording?.latest) throw new Error('the step could not be recorded')
  const reads = [first.recording.latest()]
  for (let n = 1; n < steps; n++) {
    optimizer.repeat((variables) => first.recording?.replay({ start: n * batchSize, ...variables }) ?? false)
    reads.push(first.recording.latest())
  }
  const losses: number[] = []
  for (const read of reads) losses.push((await read())[0] ?? NaN)
  first.result.forEach((tensor) => tensor.dispose())
  first.recording.dispose()
  source.dispose()
  optimizer.dispose()
  expect(memory().numTensors).toBe(before)
  return losses
}

describe.each(goldenRuns())('$file', ({ golden }) => {
  test("the losses are PyTorch's", async ({ skip }) => {
    if (untestable !== undefined) return skip(untestable)
    if (!golden) return skip("PyTorch's reference traces are not at hand: set DIGITLAB_GOLDEN")
    if (golden.seed > 0 && !onGpu && !everything) return skip('npm test -- --all takes the other seeds, too')
    const folder = mnistFolder()
    if (!folder) return skip('MNIST is not at hand: set DIGITLAB_DATA')
    const [few, allowed] = golden.model === 'cnn' ? [3, 2e-5] : [20, 2e-6] // as in apps/cli/src/golden.test.ts
    const steps = onGpu ? 50 : few
    expect(largest(await firstLosses(golden, folder, steps), golden.first200Losses.slice(0, steps))).toBeLessThan(
      allowed,
    )
  }, 120_000)
})

describe('a run on digits that are drawn', () => {
  for (const rule of ['sgd', 'momentum', 'adam'])
    test(`finds what float64 finds, with ${rule}, and the same bits again`, async ({ skip }) => {
      if (untestable !== undefined) return skip(untestable)
      const optimizer =
        rule === 'adam' ? { name: 'adam' as const } : { name: 'sgd' as const, momentum: rule === 'sgd' ? 0 : 0.9 }
      const whole = onGpu || everything ? 6 : 3
      const data = await strokes({ trainCount: 16 * whole + 4, testCount: 40 })
      // Whole batches and a last one of 4 in an epoch: one is recorded, the others repeat it, the last is by itself.
      const model = rule === 'sgd' ? 'cnn' : 'two-layer'
      const experiment = completeExperiment({ model, dataset: 'strokes', epochs: 2, batchSize: 16, optimizer })
      const run = async () => {
        const backend = testedBackend()
        await backend.start()
        const before = memory().numTensors
        const result = await runExperiment(experiment, { data, backend })
        expect(memory().numTensors, 'tensors after a run').toBe(before)
        return result
      }
      const first = await run()
      const { stepLosses, epochs } = first.run.history
      expect(stepLosses).toHaveLength(2 * (whole + 1))
      expect(epochs).toHaveLength(2)
      expect(largest(stepLosses.slice(0, 3), firstLosses64(experiment, data, 3))).toBeLessThan(1e-5)
      expect(first.run.backend.operations).toMatchObject({
        ...{ gatherBatch: 'kernel', dense: 'kernel', denseGrad: 'kernel', softmaxCrossEntropy: 'kernel' },
        ...{ convReluPool: 'kernel', convReluPoolGrad: 'kernel', sgdStep: 'kernel', adamStep: 'kernel' },
      })
      const second = await run()
      expect(second.run.history.stepLosses).toEqual(stepLosses)
      expect([...second.weights.values()]).toEqual([...first.weights.values()])
    }, 120_000)
})
