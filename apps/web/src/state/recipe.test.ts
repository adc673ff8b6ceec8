// Choosing a model fills in what it is usually trained with, as the command does.
import { completeExperiment, experimentId, recipeOf, recipes, withRecipe } from '@digitlab/train/experiment'
import type { ModelName } from '@digitlab/models'
import { expect, test } from 'vitest'
import { experimentOf } from '../lab/experiment'
import type { Settings } from '../protocol'
import { chosenOf, defaultSettings, settingsOf } from '../settings'
import { addressOf, readAddress } from './address'
import { followsRecipe, formWithModel, formWithRecipe, type Form } from './recipe'

const own: Settings = {
  ...defaultSettings,
  ...{ seed: 7, epochs: 3, threads: 2, backend: 'cpu', clipGradNorm: 1 },
  optimizer: chosenOf('optimizer', 'adam'),
}
const withRecipes = Object.keys(recipes) as ModelName[]

test.each(withRecipes)("%s: the form's experiment is the command's, and stays so through an address", async (model) => {
  const { settings } = formWithModel({ settings: own }, model)
  expect(settings).toMatchObject({ model, seed: 7, threads: 2, backend: 'cpu' })
  const experiment = experimentOf(settings, 'mnist')
  expect(experiment).toMatchObject(recipeOf(model))
  expect(await experimentId(experiment)).toBe(
    await experimentId(completeExperiment(withRecipe({ model, seed: 7, dataset: 'mnist' }))),
  )
  const read = readAddress(addressOf(settings, 'auto'), own, 4).settings
  expect(read).toEqual(settings)
  const kept = settingsOf(JSON.parse(JSON.stringify(settings)), 4)
  for (const again of [settings, read, kept]) expect(followsRecipe(again)).toBe(true)
  for (const changed of [{ epochs: 99 }, { optimizer: chosenOf('optimizer', 'adam') }, { clipGradNorm: 1 }])
    expect(followsRecipe({ ...settings, ...changed })).toBe(false)
})

test('what was in the form before comes back with the next model that has no recipe, and without the recipe', () => {
  const champion = formWithModel({ settings: own }, 'champion')
  const sprint = formWithModel(champion, 'sprint')
  const changed: Form = { ...sprint, settings: { ...sprint.settings, epochs: 2, seed: 8, threads: 'auto' } }
  for (const form of [champion, sprint, changed]) {
    const { model, seed, threads, backend } = form.settings
    expect(formWithModel(form, 'linear')).toEqual({ settings: { ...own, model: 'linear', seed, threads, backend } })
    expect(formWithRecipe(form, false)).toEqual({ settings: { ...own, model, seed, threads, backend } })
  }
  // With the recipe once more, and back to what was there before it all.
  const again = formWithRecipe(changed, true)
  expect(followsRecipe(again.settings)).toBe(true)
  expect(formWithRecipe(again, false).settings).toMatchObject({ model: 'sprint', epochs: 3, seed: 8 })
})

test('a recipe of an earlier visit, or of an address, leaves an experiment of defaults behind', () => {
  const { settings } = formWithModel({ settings: defaultSettings }, 'champion')
  expect(formWithModel({ settings }, 'cnn')).toEqual({ settings: defaultSettings })
  expect(formWithRecipe({ settings }, false)).toEqual({ settings: { ...defaultSettings, model: 'champion' } })
})

test('models without a recipe change nothing else, and an experiment in an address stays as it is', () => {
  expect(formWithModel({ settings: own }, 'linear')).toEqual({ settings: { ...own, model: 'linear' } })
  expect(followsRecipe(defaultSettings)).toBe(false)
  const query = '?model=champion&seed=0&epochs=3&batchSize=64&optimizer=adam&learningRate=0.001'
  const { settings } = readAddress(query, defaultSettings, 4)
  expect(settings).toEqual({
    ...{ ...defaultSettings, model: 'champion', epochs: 3 },
    optimizer: chosenOf('optimizer', 'adam'),
  })
  // That it is not the recipe's is the reader's wish: another model takes it over.
  expect(formWithModel({ settings }, 'cnn')).toEqual({ settings: { ...settings, model: 'cnn' } })
})
