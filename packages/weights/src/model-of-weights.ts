import {
  checkStateDict,
  defineModel,
  ModelError,
  modelNames,
  resolveModel,
  type Model,
  type ModelDefinition,
  type StateDict,
} from '@digitlab/models'
import { WeightsError } from './weights-error'

/** What goes into a file beside the weights: the model's definition as JSON, the experiment's id, the version of this form. */
export const weightsMetadata = (definition: ModelDefinition, experiment?: string): Record<string, string> => ({
  format: 'pt',
  version: '1',
  model: JSON.stringify(definition),
  ...(experiment === undefined ? {} : { experiment }),
})

/**
 * The model that weights belong to: the one that was given, the one that the file's metadata define, or the one of the
 * catalogue that has exactly these entries.
 *
 * @param metadata of the file; @param given a name in the catalogue or a definition
 * @param name how to call the file in an error
 * @throws ModelError where an entry is missing, extra or of another shape; WeightsError where no model is known
 */
export const findModel = (
  weights: StateDict,
  metadata: ReadonlyMap<string, string>,
  given: string | ModelDefinition | undefined,
  name = 'the file',
): Model => {
  // As many classes as the last entry, the bias of the last layer, has values.
  const classes = [...weights.values()].at(-1)?.shape[0] ?? 10
  const fitted = (model: string | ModelDefinition) =>
    resolveModel(model, { input: [28, 28, 1], classes: Math.max(1, classes) })
  if (given !== undefined) {
    const model = fitted(given)
    checkStateDict(model, weights)
    return model
  }
  const held = metadata.get('model')
  if (held !== undefined) {
    const model = defined(held, name)
    checkStateDict(model, weights)
    return model
  }
  for (const known of modelNames) {
    const model = fitted(known)
    if (fits(model, weights)) return model
  }
  throw new WeightsError(
    `${name} does not say what model its weights are of, and they are of none of ${modelNames.join(', ')}: name it with its definition`,
  )
}

const fits = (model: Model, weights: StateDict): boolean => {
  try {
    checkStateDict(model, weights)
    return true
  } catch (error) {
    if (error instanceof ModelError) return false
    throw error
  }
}

const defined = (json: string, name: string): Model => {
  try {
    const definition: unknown = JSON.parse(json)
    if (typeof definition !== 'object' || definition === null) throw new ModelError('it is no object')
    return defineModel(definition as ModelDefinition)
  } catch (cause) {
    throw new WeightsError(`the model in the metadata of ${name} is none (${(cause as Error).message}): name it`, {
      cause,
    })
  }
}
