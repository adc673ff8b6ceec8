import { modelNames } from '@digitlab/models'
import { expect, test } from 'vitest'
import { completeExperiment, recipeOf, recipes, withRecipe } from './experiment'

test.each(modelNames)("%s's recipe is an experiment, and goes without saying nowhere", (model) => {
  const experiment = completeExperiment(withRecipe({ model, seed: 3 }))
  expect(experiment).toMatchObject({ model, seed: 3 })
  // What a file holds is run as it is: an experiment that is complete does not change.
  expect(completeExperiment(experiment)).toEqual(experiment)
  expect(completeExperiment({ model })).not.toHaveProperty('schedule')
})

test('a recipe fills in what an experiment does not say itself', () => {
  const { champion } = recipes
  const own = withRecipe({ model: 'champion', epochs: 2, optimizer: { learningRate: 0.2 }, augment: [] })
  expect(own).toEqual({
    ...{ ...champion, model: 'champion', epochs: 2, augment: [] },
    optimizer: { ...champion.optimizer, learningRate: 0.2 },
  })
  expect(withRecipe({ model: 'champion', optimizer: { name: 'adam' }, schedule: { name: 'cosine' } })).toMatchObject({
    optimizer: { name: 'adam' },
    schedule: { name: 'cosine' },
  })
  expect(withRecipe({ model: 'champion', optimizer: { name: 'adam' } }).optimizer).toEqual({ name: 'adam' })
})

test('a model without a recipe, and one of your own, stay as they are', () => {
  expect(withRecipe({ model: 'cnn', epochs: 2 })).toEqual({ model: 'cnn', epochs: 2 })
  const mine = { name: 'champion', input: [28, 28, 1], layers: [{ type: 'flatten' }] } as const
  expect(recipeOf(mine)).toEqual({})
  expect(recipeOf('toString')).toEqual({})
})
