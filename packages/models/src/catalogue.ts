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

/** The case study's models, in its order; with MNIST's form of 7,850, 79,510 and 20,490 parameters. */
export const catalogue = {
  /** Softmax regression. */
  linear: ({ input, classes }) => ({
    name: 'linear',
    input,
    layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: classes }],
  }),
  /** One hidden layer of 100. */
  'two-layer': ({ input, classes }) => ({
    name: 'two-layer',
    input,
    layers: [
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', out: 100 },
      { type: 'relu' },
      { type: 'dense', name: 'fc2', out: classes },
    ],
  }),
  /** Two convolutions, each with ReLU and 2 x 2 max-pooling, and a dense layer. */
  cnn: ({ input, classes }) => ({
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
  }),
} as const satisfies Record<string, (fit: Fit) => ModelDefinition>

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
