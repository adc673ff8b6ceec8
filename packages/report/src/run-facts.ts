import type { DrawnRun } from './drawn-run'
import { grouped } from './table'

type Pairs = readonly (readonly [name: string, value: string])[]

const listed = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')

/** What was run: as pairs of a name and a value, for a table. */
export const experimentFacts = ({ id, experiment, model, status, startedAt, history }: DrawnRun): Pairs => {
  const { name, ...settings } = experiment.optimizer
  return [
    ['model', `${model.name}, ${grouped(model.parameters)} parameters`],
    ['optimizer', `${name}: ${listed(settings)}`],
    ...(experiment.augment ?? []).map(({ name, ...ranges }) => ['augmentation', `${name}: ${listed(ranges)}`] as const),
    ['epochs', String(experiment.epochs)],
    ['batch size', grouped(experiment.batchSize)],
    ['seed', String(experiment.seed)],
    ['experiment id', id],
    ['begun', startedAt],
    ['status', status === 'completed' ? status : `interrupted after ${grouped(history.stepLosses.length)} steps`],
  ]
}

export const environmentFacts = ({ backend, environment, timing }: DrawnRun): Pairs => [
  ['backend', `${backend.id}: ${backend.device}, ${backend.threads} thread${backend.threads === 1 ? '' : 's'}`],
  ['its versions', listed(backend.versions)],
  ['operations', listed(backend.operations)],
  ['runtime', environment.runtime],
  [
    'platform',
    environment.processors === 0
      ? environment.platform
      : `${environment.platform}, ${environment.processors} processors`,
  ],
  ['versions', listed(environment.versions)],
  ['training', `${timing.trainSeconds.toFixed(2)} s, ${grouped(Math.round(timing.imagesPerSecond))} images/s`],
  ['looking at the test images', `${timing.evaluationSeconds.toFixed(2)} s`],
]

export const datasetFacts = ({ dataset }: DrawnRun): Pairs => [
  ['data set', `${dataset.title} (${dataset.name}), from ${dataset.origin}`],
  ['images', `${grouped(dataset.trainCount)} to train on, ${grouped(dataset.testCount)} to test on`],
  ['classes', dataset.classNames.join(', ')],
  ...dataset.files.map(({ name, bytes, sha256 }) => [name, `${grouped(bytes)} bytes, SHA-256 ${sha256}`] as const),
]
