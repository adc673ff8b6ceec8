import type { DrawnRun } from './drawn-run'
import { grouped } from './number-text'
import { selectionSentence } from './watched-epochs'

type Pairs = readonly (readonly [name: string, value: string])[]

const listed = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')

/** What was run: as pairs of a name and a value, for a table. */
export const experimentFacts = (run: DrawnRun): Pairs => {
  const { id, experiment, model, status, startedAt, history, stopped, keptEpoch } = run
  const { name, ...settings } = experiment.optimizer
  return [
    ['model', `${model.name}, ${grouped(model.parameters)} parameters`],
    ['optimizer', `${name}: ${listed(settings)}`],
    ...(experiment.augment ?? []).map(({ name, ...ranges }) => ['augmentation', `${name}: ${listed(ranges)}`] as const),
    ...experimentExtras(experiment),
    ['epochs', String(experiment.epochs)],
    ['batch size', grouped(experiment.batchSize)],
    ['seed', String(experiment.seed)],
    ['experiment id', id],
    ['begun', startedAt],
    [
      'status',
      status === 'completed' ? (stopped ?? status) : `interrupted after ${grouped(history.stepLosses.length)} steps`,
    ],
    ...(keptEpoch === undefined ? [] : [['weights of epoch', String(keptEpoch)] as const]),
    ['selection', selectionSentence(run)],
  ]
}

/** What an experiment says beside the usual, in its own words. */
const experimentExtras = (experiment: DrawnRun['experiment']): Pairs =>
  Object.entries(experiment as Readonly<Record<string, unknown>>)
    .filter(([name, value]) => value !== undefined && !usual.includes(name))
    .map(([name, value]) => [spaced(name), shown(value)])

const usual = ['model', 'dataset', 'seed', 'epochs', 'batchSize', 'optimizer', 'augment', 'initial']

/** 'labelSmoothing' as 'label smoothing' */
const spaced = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

const shown = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(shown).join('; then ')
  if (typeof value !== 'object' || value === null) return String(value)
  const { name, ...settings } = value as Readonly<Record<string, unknown>>
  const rest = Object.entries(settings)
    .map(([key, held]) => `${key} ${typeof held === 'string' ? held : JSON.stringify(held)}`)
    .join(', ')
  return typeof name === 'string' ? `${name}: ${rest}` : rest
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
  [
    'images',
    `${grouped(dataset.trainCount)} to train on, ${dataset.validationCount === undefined ? '' : `${grouped(dataset.validationCount)} set aside for validation, `}${grouped(dataset.testCount)} to test on`,
  ],
  ['classes', dataset.classNames.join(', ')],
  ...dataset.files.map(({ name, bytes, sha256 }) => [name, `${grouped(bytes)} bytes, SHA-256 ${sha256}`] as const),
]
