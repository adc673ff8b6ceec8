import { defineModel, type Model, type ModelDefinition, type ModelExtensions } from './definition'
import { ModelError } from './model-error'
import { shownValue } from './shown'

/** What a catalogue model is made for: the image it takes and the classes it tells apart. */
export interface Fit {
  readonly input: readonly [height: number, width: number, channels: number]
  readonly classes: number
}

/** The form of MNIST and its kin. */
export const mnistFit: Fit = { input: [28, 28, 1], classes: 10 }

/** A model of the catalogue: made to fit, and what it is in a line of a command's help or a page's form. */
export type CatalogueModel = ((fit: Fit) => ModelDefinition) & { readonly says: string }

const model = <const M extends (fit: Fit) => ModelDefinition>(says: string, define: M): M & { readonly says: string } =>
  Object.assign(define, { says })

/** The case study's models, in its order; with MNIST's form of 7,850, 79,510 and 20,490 parameters. */
export const catalogue = {
  linear: model('softmax regression', ({ input, classes }) => ({
    name: 'linear',
    input,
    layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: classes }],
  })),
  'two-layer': model('one hidden layer of 100', ({ input, classes }) => ({
    name: 'two-layer',
    input,
    layers: [
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', out: 100 },
      { type: 'relu' },
      { type: 'dense', name: 'fc2', out: classes },
    ],
  })),
  cnn: model('two convolutions with max-pooling, and a dense layer', ({ input, classes }) => ({
    name: 'cnn',
    input,
    layers: [
      { type: 'conv2d', name: 'conv1', out: 16, kernel: 3, padding: 1 },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'conv2d', name: 'conv2', out: 32, kernel: 3, padding: 1 },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'flatten' },
      { type: 'dense', name: 'fc', out: classes },
    ],
  })),
} as const satisfies Record<string, CatalogueModel>

/** A name of the {@link catalogue}. */
export type ModelName = keyof typeof catalogue

/** All names of the {@link catalogue}, in its order. */
export const modelNames = Object.keys(catalogue) as readonly ModelName[]

/**
 * A model by its name in the catalogue, made to fit, or from its own definition, checked.
 *
 * @throws ModelError for an unknown name, or a definition that does not fit together
 */
export const resolveModel = (
  model: string | ModelDefinition,
  fit: Fit = mnistFit,
  extensions: ModelExtensions = {},
): Model => {
  if (typeof model !== 'string') return defineModel(model, extensions)
  if (!Object.hasOwn(catalogue, model))
    throw new ModelError(
      `there is no model ${shownValue(model)}: choose one of ${modelNames.join(', ')}, or give a definition`,
    )
  return defineModel(catalogue[model as ModelName](fit), extensions)
}
