// What the form holds where a model that comes with a recipe is chosen, and how it comes back to what it held before.
import type { ModelName } from '@digitlab/models'
import { completeExperiment, recipeOf, withRecipe } from '@digitlab/train/experiment'
import type { Part, Settings } from '../protocol'
import { defaultSettings, settingsOf } from '../settings'
import { addressOf } from './address'

export interface Form {
  readonly settings: Settings
  /** What was in the form before a recipe was filled in. */
  readonly before?: Settings | undefined
}

export const hasRecipe = (model: ModelName): boolean => Object.keys(recipeOf(model)).length > 0

/** What no recipe decides. */
const besides = ({ model, backend, threads, seed }: Settings) => ({
  ...{ model, backend, threads, seed },
  definition: undefined,
})

/** The recipe of the form's model, with defaults for what it leaves open. */
const byRecipe = (settings: Settings): Settings => {
  const { normalize, averageWeights, validation, earlyStopping, ...rest } = completeExperiment(
    withRecipe({ model: settings.model }),
  )
  const size = typeof validation === 'number' ? { size: validation } : validation
  const parts: Record<Part, unknown> = { normalize, averageWeights, validation: size, earlyStopping }
  return { ...settingsOf({ ...rest, parts }, Infinity), ...besides(settings) }
}

/** Whether the form is what its model's recipe says. */
export const followsRecipe = (settings: Settings): boolean =>
  settings.definition === undefined &&
  hasRecipe(settings.model) &&
  addressOf(settings, 'files') === addressOf(byRecipe(settings), 'files')

/** A recipe that is there from an earlier visit is nothing to come back to. */
const filledIn = ({ settings, before }: Form, own: Settings): Form => ({
  settings: byRecipe(own),
  before: before ?? (followsRecipe(settings) ? defaultSettings : settings),
})

const asBefore = ({ before = defaultSettings }: Form, own: Settings): Form => ({
  settings: { ...before, ...besides(own) },
})

/**
 * The form with another model: with its recipe where it has one. A recipe goes with its model, and what was there before comes back; after
 * an earlier visit, which is not known any more, the defaults.
 */
export const formWithModel = (form: Form, model: ModelName): Form => {
  const own = { ...form.settings, model, definition: undefined }
  if (hasRecipe(model)) return filledIn(form, own)
  return form.before || followsRecipe(form.settings) ? asBefore(form, own) : { settings: own }
}

/** The form with its model's recipe, or with what was there before. */
export const formWithRecipe = (form: Form, on: boolean): Form =>
  on ? filledIn(form, form.settings) : asBefore(form, form.settings)
