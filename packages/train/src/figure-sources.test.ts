import { catalogue, defineModel, initialWeights, mnistFit, type ModelDefinition } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import type { Dataset } from '@digitlab/data'
import { expect, test } from 'vitest'
import { completeExperiment, figureSources, type Experiment, type Run } from './index'
import { tiny } from './testing/tiny'

/** A white image to train on and one to test with. */
const dataOf = (height: number, width: number): Dataset => {
  const part = { images: new Uint8Array(height * width).fill(255), labels: Uint8Array.of(1), count: 1 }
  return { ...tiny(1, 1), imageShape: [height, width], train: part, test: part }
}
const runOf = (
  definition: ModelDefinition,
  experiment: Partial<Experiment> = {},
): Pick<Run, 'experiment' | 'model'> => ({
  experiment: { ...completeExperiment({ model: 'linear' }), ...experiment },
  model: { definition } as Run['model'],
})
const cnn = catalogue.cnn(mnistFit)
const weights = initialWeights(defineModel(cnn), new MersenneTwister(0))

test('filters are drawn with their maps of the first test image, normalized as the run was', () => {
  const { firstLayer, featureMaps, missing, augmented } = figureSources(runOf(cnn), weights, dataOf(28, 28))
  expect([firstLayer?.name, missing, augmented]).toEqual(['conv1.weight', [], undefined])
  expect(featureMaps).toMatchObject({ image: 0, shape: [28, 28, 16] })
  const bright = figureSources(runOf(cnn, { normalize: { mean: 0.5, std: 0.25 } }), weights, dataOf(28, 28))
  expect(bright.featureMaps?.data).not.toEqual(featureMaps?.data)
})

test('without the data set there are the weights alone', () => {
  expect(Object.keys(figureSources(runOf(cnn), weights)).sort()).toEqual(['firstLayer', 'missing'])
})

test('a layer that is not known here costs the pictures of the first layer, and not the changed images', () => {
  const own = { ...cnn, layers: [...cnn.layers, { type: 'scaledTanh' }, { type: 'other' }] }
  const run = runOf(own, completeExperiment({ model: 'linear', augment: [{ name: 'affine', rotate: 10 }] }))
  const sources = figureSources(run, weights, dataOf(28, 28))
  expect(Object.keys(sources).sort()).toEqual(['augmented', 'missing'])
  expect(sources.missing).toEqual([
    'no pictures of the first layer: the model has layers of the types scaledTanh, other, not known here',
  ])
})

test('images of more than 65,536 pixels get no feature maps', () => {
  const large = {
    ...cnn,
    input: [300, 300, 1] as const,
    layers: [...cnn.layers.slice(0, 1), { type: 'flatten' as const }],
  }
  const begin = { ...large, layers: [...large.layers, { type: 'dense' as const, name: 'fc', out: 2 }] }
  const drawn = initialWeights(defineModel(begin), new MersenneTwister(0))
  const sources = figureSources(runOf(begin), drawn, dataOf(300, 300))
  expect(Object.keys(sources).sort()).toEqual(['firstLayer', 'missing'])
})
