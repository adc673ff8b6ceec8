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

/**
 * The case study's three models, in its order, of 7,850, 79,510 and 20,490 parameters with MNIST's form, and others: `mlp` of 669,706,
 * `lenet-5` of 61,706, `cnn-batch-norm` of 20,586, `pytorch-example` of 1,199,882, `champion` of 75,450 and `sprint` of 17,042.
 */
export const catalogue = {
  /** Softmax regression: one dense layer, 7,850 parameters with MNIST's form. */
  linear: model('softmax regression', ({ input, classes }) => ({
    name: 'linear',
    input,
    layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: classes }],
  })),
  /** One hidden layer of 100, 79,510 parameters. */
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
  /** Two convolutions with max-pooling and a dense layer, 20,490 parameters. */
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
  /** Two hidden layers of 512 with dropout, 669,706 parameters. */
  mlp: model('two hidden layers of 512 with dropout', ({ input, classes }) => ({
    name: 'mlp',
    input,
    layers: [
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', out: 512 },
      { type: 'relu' },
      { type: 'dropout', p: 0.2 },
      { type: 'dense', name: 'fc2', out: 512 },
      { type: 'relu' },
      { type: 'dropout', p: 0.2 },
      { type: 'dense', name: 'fc3', out: classes },
    ],
  })),
  /** LeCun et al. 1998, with tanh and average pooling, 61,706 parameters. */
  'lenet-5': model('LeCun et al. 1998, with tanh and average pooling', ({ input, classes }) => ({
    name: 'lenet-5',
    input,
    layers: [
      { type: 'conv2d', name: 'conv1', out: 6, kernel: 5, padding: 2 },
      { type: 'tanh' },
      { type: 'avgPool2d', size: 2 },
      { type: 'conv2d', name: 'conv2', out: 16, kernel: 5 },
      { type: 'tanh' },
      { type: 'avgPool2d', size: 2 },
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', out: 120 },
      { type: 'tanh' },
      { type: 'dense', name: 'fc2', out: 84 },
      { type: 'tanh' },
      { type: 'dense', name: 'fc3', out: classes },
    ],
  })),
  /** Two convolutions with batch normalization behind each, 20,586 parameters. */
  'cnn-batch-norm': model('cnn with batch normalization behind its convolutions', ({ input, classes }) => ({
    name: 'cnn-batch-norm',
    input,
    layers: [
      { type: 'conv2d', name: 'conv1', out: 16, kernel: 3, padding: 1 },
      { type: 'batchNorm', name: 'norm1' },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'conv2d', name: 'conv2', out: 32, kernel: 3, padding: 1 },
      { type: 'batchNorm', name: 'norm2' },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'flatten' },
      { type: 'dense', name: 'fc', out: classes },
    ],
  })),
  /** The net of PyTorch's own example of MNIST, 1,199,882 parameters; its names are those of that program, so that its files of weights are read. */
  'pytorch-example': model("the net of PyTorch's own example of MNIST, with dropout", ({ input, classes }) => ({
    name: 'pytorch-example',
    input,
    layers: [
      { type: 'conv2d', name: 'conv1', out: 32, kernel: 3 },
      { type: 'relu' },
      { type: 'conv2d', name: 'conv2', out: 64, kernel: 3 },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'dropout', p: 0.25 },
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', out: 128 },
      { type: 'relu' },
      { type: 'dropout', p: 0.5 },
      { type: 'dense', name: 'fc2', out: classes },
    ],
  })),
  /** Five convolutions with batch normalization, made for accuracy, 75,450 parameters. */
  champion: model('five convolutions with batch normalization, made for accuracy', ({ input, classes }) => ({
    name: 'champion',
    input,
    layers: [
      { type: 'conv2d', name: 'conv1', out: 16, kernel: 3, padding: 1, bias: false },
      { type: 'batchNorm', name: 'norm1' },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'conv2d', name: 'conv2', out: 32, kernel: 3, padding: 1, bias: false },
      { type: 'batchNorm', name: 'norm2' },
      { type: 'relu' },
      { type: 'conv2d', name: 'conv3', out: 32, kernel: 3, padding: 1, bias: false },
      { type: 'batchNorm', name: 'norm3' },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'conv2d', name: 'conv4', out: 64, kernel: 3, bias: false },
      { type: 'batchNorm', name: 'norm4' },
      { type: 'relu' },
      { type: 'conv2d', name: 'conv5', out: 64, kernel: 3, bias: false },
      { type: 'batchNorm', name: 'norm5' },
      { type: 'relu' },
      { type: 'flatten' },
      { type: 'dropout', p: 0.3 },
      { type: 'dense', name: 'fc', out: classes },
    ],
  })),
  /**
   * Three small convolutions, made for the least time to 99 %, 17,042 parameters. Batch normalization comes behind the pools: convolution,
   * relu and pool are one operation, whose gradient is mostly zeros.
   */
  sprint: model('three small convolutions with batch normalization, made for speed', ({ input, classes }) => ({
    name: 'sprint',
    input,
    layers: [
      { type: 'conv2d', name: 'conv1', out: 8, kernel: 5, padding: 2 },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'batchNorm', name: 'norm1' },
      { type: 'conv2d', name: 'conv2', out: 24, kernel: 3, padding: 1 },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'batchNorm', name: 'norm2' },
      { type: 'conv2d', name: 'conv3', out: 32, kernel: 3 },
      { type: 'relu' },
      { type: 'batchNorm', name: 'norm3' },
      { type: 'flatten' },
      { type: 'dense', name: 'fc', out: classes },
    ],
  })),
} as const satisfies Record<string, CatalogueModel>

/** A name of the {@link catalogue}. */
export type ModelName = keyof typeof catalogue

/** The three that the case study compares. */
export const caseStudyModels = ['linear', 'two-layer', 'cnn'] as const satisfies readonly ModelName[]

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
