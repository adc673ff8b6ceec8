// A run as Hugging Face takes a model: a folder with a card, the weights in two formats, the run and its figures.
import { grouped, percent } from '@digitlab/report'
import { defineModel, type StateDict } from '@digitlab/models'
import { readableJson, type Run } from '@digitlab/train/run'
import { weightsMetadata, writeOnnx, writeSafetensors } from '@digitlab/weights'
import { clean } from './clean'
import { reportFiles } from './report-files'
import { isNamedDataset } from './dataset-place'
import { withoutPlaces } from './report-input'

/** Under which the data sets that Hugging Face has are found there. */
const hubDatasets: Readonly<Record<string, string>> = {
  mnist: 'ylecun/mnist',
  'fashion-mnist': 'zalando-datasets/fashion_mnist',
}

const [weightsFile, onnxFile] = ['model.safetensors', 'model.onnx'] as const
const figures = ['confusion', 'accuracy'] as const

export interface CardOptions {
  /** As Hugging Face names it: 'mit', 'apache-2.0'. */
  readonly license: string
}

/**
 * The files of the folder by their names, README.md last.
 *
 * @throws WeightsError if a layer has no form in ONNX
 */
export const cardFiles = async (
  run: Run,
  weights: StateDict,
  options: CardOptions,
): Promise<Map<string, string | Uint8Array>> => {
  const model = defineModel(run.model.definition)
  const { normalize } = run.experiment
  const metadata = weightsMetadata(run.model.definition, { experiment: run.id, normalize })
  return new Map<string, string | Uint8Array>([
    [weightsFile, writeSafetensors(weights, { metadata })],
    [onnxFile, writeOnnx(model, weights, { input: 'float32', probabilities: true, normalize, metadata })],
    ...(repeatable(run) ? [['run.json', readableJson(withoutPlaces(run))] as const] : []),
    ...Object.entries(await reportFiles([{ run }], { formats: ['png'], figures })),
    ['README.md', modelCard(run, options)],
  ])
}

/** Anybody can train it again: what it was trained on has a name, and is no folder of this machine. */
const repeatable = ({ experiment }: Run): boolean => isNamedDataset(experiment.dataset) && !experiment.initial

/** A value of YAML: of which JSON is a part. */
const yaml = (value: unknown): string => JSON.stringify(value)

/** What Hugging Face reads: https://huggingface.co/docs/hub/model-cards. */
const frontMatter = (run: Run, { license }: CardOptions): string => {
  const [name = ''] = run.dataset.name.split('#') // without what was made of it
  const hub = hubDatasets[name]
  const { accuracy, meanLoss } = run.metrics
  const loss = typeof meanLoss === 'number' && Number.isFinite(meanLoss)
  return [
    '---',
    `license: ${yaml(license)}`,
    'library_name: digitlab',
    'pipeline_tag: image-classification',
    ...(hub === undefined ? [] : [`datasets:`, `  - ${yaml(hub)}`]),
    'metrics:',
    '  - accuracy',
    'tags:',
    ...['onnx', 'safetensors', name].map((tag) => `  - ${yaml(tag)}`),
    'model-index:',
    `  - name: ${yaml(run.model.name)}`,
    '    results:',
    '      - task:',
    '          type: image-classification',
    '        dataset:',
    `          name: ${yaml(run.dataset.title)}`,
    `          type: ${yaml(hub ?? name)}`,
    '          split: test',
    '        metrics:',
    '          - type: accuracy',
    `            value: ${accuracy}`,
    ...(loss
      ? ['          - type: loss', '            name: cross-entropy, in nats', `            value: ${meanLoss}`]
      : []),
    `seed: ${run.experiment.seed}`,
    `experiment: ${yaml(run.id)}`,
    '---',
  ].join('\n')
}

/** Text of others in Markdown, as it is. */
const words = (text: string): string => clean(text).replace(/[\\`*_[\]<>|#]/g, '\\$&')

const shapeText = ([height, width, channels]: readonly number[]): string =>
  channels === 1 ? `${height} x ${width} grey` : `${height} x ${width} with ${channels} channels`

const againText = ({ backend }: Run): string => `## Train it again

\`\`\`sh
npx digitlab train --experiment run.json --backend ${backend.id}
\`\`\``

const modelCard = (run: Run, options: CardOptions): string => {
  const { experiment, model, dataset, metrics, backend, environment } = run
  const name = words(model.name)
  const { mean, std } = experiment.normalize ?? { mean: 0, std: 1 }
  const pixels = experiment.normalize ? `(pixel / 255 - ${mean}) / ${std}` : 'pixel / 255'
  const facts: readonly (readonly [string, string])[] = [
    ['test accuracy', `${percent(metrics.accuracy)} (${grouped(metrics.correct)} of ${grouped(metrics.count)} images)`],
    ['parameters', grouped(model.parameters)],
    ['data set', `${words(dataset.title)}, ${grouped(dataset.trainCount)} training images`],
    ['seed', String(experiment.seed)],
    ['epochs, batch size', `${experiment.epochs}, ${experiment.batchSize}`],
    ['optimizer', words(`${experiment.optimizer.name}, learning rate ${experiment.optimizer.learningRate}`)],
    ['trained on', words(`${backend.id} (${backend.device}), ${environment.runtime}`)],
    ['experiment', `\`${run.id}\``],
  ]
  return `${frontMatter(run, options)}

# ${name}

Classifies images of ${words(dataset.title)}, ${shapeText(model.definition.input)}, into ${dataset.classNames.length} classes: ${dataset.classNames.map(words).join(', ')}.
Trained by [digitlab](https://github.com/digitlab/digitlab), whose runs are PyTorch's with the same seed.${
    run.status === 'interrupted' ? '\n\n**The run was stopped before its last step.**' : ''
  }${dataset.notice === undefined ? '' : `\n\n**${words(dataset.notice)}**`}

|     |     |
| --- | --- |
${facts.map(([what, value]) => `| ${what} | ${value} |`).join('\n')}

![Confusion matrix](figures/confusion.png)

![Accuracy per epoch](figures/accuracy.png)

## Use it

\`\`\`sh
npx digitlab predict ${weightsFile} digit.png
\`\`\`

\`${onnxFile}\` takes [batch, channels, height, width] of pixels from 0 to 1 (0 is background${
    experiment.normalize ? '; it normalizes them itself' : ''
  }) and gives logits and probabilities.
\`${weightsFile}\` holds PyTorch's state dict; the model takes ${pixels}.

${repeatable(run) ? `${againText(run)}\n\n` : ''}## Limits

It has seen ${words(dataset.title)} alone: other pens, sizes, papers and anything that is none of its classes are told apart less well, and it has no way to say so.
`
}
