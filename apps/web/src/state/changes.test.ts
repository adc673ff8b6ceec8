import { completeExperiment, parseRun, runExperiment, type ExperimentInput, type Run } from '@digitlab/train'
import { strokes } from '@digitlab/data'
import { wasmBackend } from '@digitlab/backend-wasm'
import { catalogue, mnistFit } from '@digitlab/models'
import { beforeAll, expect, test } from 'vitest'
import { changedSettings, outcomes } from './changes'

let trained: Run
beforeAll(async () => {
  const data = await strokes({ trainCount: 64, testCount: 16 })
  const experiment = completeExperiment({ model: 'linear', dataset: data.name, epochs: 1 })
  trained = (await runExperiment(experiment, { data, backend: wasmBackend() })).run
})

/** The same run with another experiment. */
const with_ = (change: Partial<ExperimentInput>, more: Partial<Run> = {}): Run => ({
  ...trained,
  ...more,
  experiment: completeExperiment({ ...trained.experiment, ...change }),
})

test('only what differs is told, in words', () => {
  expect(changedSettings(trained, trained)).toEqual([])
  const optimizer = { name: 'sgd', learningRate: 0.05, momentum: 0.9 } as const
  expect(changedSettings(trained, with_({ seed: 3, optimizer, augment: { name: 'affine', rotate: 25 } }))).toEqual([
    { what: 'seed', before: '0', after: '3' },
    { what: 'optimizer learning rate', before: '0.1', after: '0.05' },
    { what: 'optimizer momentum', before: '0', after: '0.9' },
    { what: 'augment 1', before: undefined, after: 'affine' },
    ...['shift', 'rotate', 'scale', 'shear'].map((option) => ({
      ...{ what: `augment affine ${option}`, before: undefined },
      after: expect.any(String) as string,
    })),
  ])
})

test('of another model the layers that differ are told, and what came of it', () => {
  const definition = catalogue['two-layer'](mnistFit)
  const model = { ...trained.model, name: definition.name, definition, parameters: 79_510 }
  const better = with_({ model: 'two-layer' }, { model, metrics: { ...trained.metrics, accuracy: 1, meanLoss: 0 } })
  expect(changedSettings(trained, better)).toEqual([
    { what: 'model', before: 'linear', after: 'two-layer' },
    {
      what: 'layer 2',
      before: expect.stringContaining('"fc"') as string,
      after: expect.stringContaining('100') as string,
    },
    { what: 'layer 3', before: undefined, after: '{"type":"relu"}' },
    { what: 'layer 4', before: undefined, after: expect.stringContaining('"fc2"') as string },
  ])
  expect(outcomes(trained, better).map(({ what, by }) => [what, by])).toEqual([
    ['test accuracy', expect.stringMatching(/^\+/) as string],
    ['test loss', expect.stringMatching(/^−/) as string],
    ['parameters', '+71,660'],
    ['seconds an epoch', '+0.00'],
  ])
})

test('a run that was read from its file is compared as it was', () => {
  expect(changedSettings(trained, parseRun(JSON.stringify(trained)))).toEqual([])
})
