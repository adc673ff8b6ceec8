// The weights that the page brings are what the command makes of its own default experiment.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { wasmBackend } from '@digitlab/backend-wasm'
import { loadDataset } from '@digitlab/data/node'
import { resolveModel } from '@digitlab/models'
import { disposeWeights, uploadWeights } from '@digitlab/models/compute'
import { completeExperiment, evaluate, experimentId, runExperiment } from '@digitlab/train'
import { readSafetensors } from '@digitlab/weights'
import { expect, test } from 'vitest'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'

const example = readSafetensors(
  readFileSync(fileURLToPath(new URL('lab/example/weights.safetensors', import.meta.url))),
  'the example',
)
const experiment = completeExperiment({ model: 'cnn', dataset: 'mnist' })
const folder = mnistFolder()
const whole = process.env['DIGITLAB_ALL'] === '1'

test('they are of the experiment "digitlab train --model cnn --dataset mnist"', async () => {
  expect(example.metadata.get('experiment')).toBe(await experimentId(experiment))
})

test('they tell the test images of MNIST apart', async ({ skip }) => {
  if (folder === undefined) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const data = await loadDataset('mnist', { folder })
  await wasmBackend().start()
  const model = resolveModel('cnn')
  const weights = uploadWeights(model, example.weights)
  const { evaluation } = await evaluate(model, weights, data.test, data.imageShape)
  disposeWeights(weights)
  expect(evaluation.accuracy).toBeGreaterThan(0.98)
})

test('they are made again to the bit', { timeout: 600_000 }, async ({ skip }) => {
  if (!whole) return skip('takes minutes: run it with "npm test -- --all"')
  if (folder === undefined) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const data = await loadDataset('mnist', { folder })
  expect((await runExperiment(experiment, { data, backend: wasmBackend() })).weights).toEqual(example.weights)
})
