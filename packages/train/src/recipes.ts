// What the models of the catalogue are trained with where they are named: what is known to serve each best.
import type { ModelDefinition, ModelName } from '@digitlab/models'
import type { ExperimentInput } from './complete-experiment'

/** Everything that decides how a model is trained, but for the data and the seed. */
export type Recipe = Omit<ExperimentInput, 'model' | 'dataset' | 'seed' | 'initial'>

/** The models of the catalogue that come with a recipe; the others use an experiment's defaults. */
export const recipes = {
  /** As pytorch/examples' mnist/main.py has it. */
  'pytorch-example': {
    epochs: 14,
    batchSize: 64,
    optimizer: { name: 'adadelta', learningRate: 1 },
    schedule: { name: 'step', stepSize: 1, gamma: 0.7, every: 'epoch' },
    normalize: { mean: 0.1307, std: 0.3081 },
  },
  /** At least 99.6 % of MNIST's test images, in the mean of 5 seeds. */
  champion: {
    epochs: 8,
    batchSize: 100,
    optimizer: { name: 'sgd', learningRate: 0.15, momentum: 0.9, weightDecay: 5e-4, nesterov: true },
    schedule: { name: 'oneCycle', maxLearningRate: 0.15 },
    labelSmoothing: 0.05,
    augment: [{ name: 'affine', rotate: 12, scale: 0.12, shift: 2.5, shear: 8 }],
    averageWeights: { decay: 0.9975, buffers: true },
    validation: 5000,
    keep: 'best',
  },
  /** 99 % of MNIST's test images in the least time. */
  sprint: {
    epochs: 1,
    batchSize: 64,
    optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4, nesterov: true },
    schedule: { name: 'oneCycle', maxLearningRate: 0.1 },
  },
} as const satisfies { readonly [name in ModelName]?: Recipe }

/** The recipe of a model by its name in the catalogue; empty if it has none. */
export const recipeOf = (model: string | ModelDefinition): Recipe =>
  typeof model === 'string' && Object.hasOwn(recipes, model) ? recipes[model as keyof typeof recipes] : {}

/**
 * An experiment with all that its model's recipe says and it does not say itself. Options of an optimizer or a schedule are added to the
 * recipe's where it is the same one, or not named.
 *
 * An experiment that is complete stays what it is without this, so that one from a file is run as it was written.
 */
export const withRecipe = (input: ExperimentInput): ExperimentInput => {
  const recipe = recipeOf(input.model)
  return {
    ...recipe,
    ...input,
    ...merged('optimizer', recipe.optimizer, input.optimizer),
    ...merged('schedule', recipe.schedule, input.schedule),
  }
}

const merged = (key: string, usual: object | undefined, given: object | undefined): object => {
  if (usual === undefined || given === undefined || Array.isArray(given) || Array.isArray(usual)) return {}
  const [theirs, ours] = [usual, given].map((each) => (each as { readonly name?: unknown }).name)
  return ours === undefined || ours === theirs ? { [key]: { ...usual, ...given } } : {}
}
