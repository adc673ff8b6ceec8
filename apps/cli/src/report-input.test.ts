import type { Dataset } from '@digitlab/data'
import { catalogue, initialWeights, mnistFit, resolveModel, type ModelDefinition } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import type { RunResult } from '@digitlab/train'
import { expect, test } from 'vitest'
import { inputOfResult } from './report-input'

const linear = resolveModel('linear')
const weights = initialWeights(linear, new MersenneTwister(0))
const said = { classes: Uint8Array.of(1), probabilities: new Float32Array(10) }
const data = {
  imageShape: [28, 28],
  test: { images: new Uint8Array(784), labels: Uint8Array.of(1), count: 1 },
} as unknown as Dataset

const ofMnist = { experiment: { dataset: 'mnist' }, dataset: { origin: 'the cache' }, backend: { id: 'cpu' } }

/** Of a run with this model, as far as a report's pictures of the weights look at it. */
const inputOf = (definition: ModelDefinition) =>
  inputOfResult(
    'runs/first',
    {
      run: { ...ofMnist, model: { definition } },
      weights,
      predictions: { before: said, after: said },
    } as unknown as RunResult,
    data,
  )

test('a run with a type of layer that is not here has all but the pictures that its model would draw', async () => {
  const { layers, ...rest } = catalogue.linear(mnistFit)
  const own = await inputOf({ ...rest, layers: [...layers, { type: 'scaledTanh', scale: 2 }] })
  expect(own.firstLayer).toBeUndefined()
  expect(own.images).toBeDefined()
  expect(own.missing).toEqual([
    'no pictures of the first layer: the model has layers of the type scaledTanh, not known here',
  ])
  const known = await inputOf(linear.definition)
  expect(known.firstLayer?.name).toBe('fc.weight')
  expect(known.missing).toEqual([])
})
