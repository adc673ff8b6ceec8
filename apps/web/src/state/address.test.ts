import { expect, test } from 'vitest'
import { completeExperiment, experimentParts } from '@digitlab/train/experiment'
import { experimentOf, problemsOf } from '../lab/experiment'
import { chosenOf, defaultSettings, partNames, partPlain, settingsOf } from '../settings'
import { addressOf, readAddress } from './address'
import { catalogue, mnistFit } from '@digitlab/models'
import { modelText } from '../model-text'

const read = (query: string) => readAddress(query, defaultSettings, 4)

test('an address that was written is the same experiment when it is read', () => {
  const settings = {
    ...defaultSettings,
    model: 'linear',
    seed: 7,
    epochs: 3,
    optimizer: chosenOf('optimizer', 'adam'),
  } as const
  const query = addressOf(settings, 'kmnist')
  expect(query).toBe('?model=linear&seed=7&epochs=3&batchSize=64&optimizer=adam&learningRate=0.001&data=kmnist')
  expect(read(query)).toEqual({ settings, data: 'kmnist', notices: [] })
  expect(addressOf(settings, 'files')).not.toContain('data')
})

test('what an address leaves out stays, threads and backend can be asked for', () => {
  expect(read('')).toEqual({ settings: defaultSettings, notices: [] })
  expect(read('?threads=2&backend=cpu').settings).toEqual({ ...defaultSettings, threads: 2, backend: 'cpu' })
})

test('what is no value of its field is said, and the field stays; a number out of range is left to the form', () => {
  const { settings, notices } = read('?model=transformer&seed=x&epochs=&threads=99&data=imagenet&learningRate=-1')
  expect(settings).toEqual({ ...defaultSettings, optimizer: { ...defaultSettings.optimizer, learningRate: -1 } })
  expect(notices).toEqual([
    'The address asks for model "transformer", which this page does not have.',
    'The address asks for threads "99", which this page does not have.',
    'The address asks for seed "x", which this page does not have.',
    'The address asks for epochs "", which this page does not have.',
    'The address asks for data "imagenet", which this page does not have.',
  ])
})

test('every option of the tables is in an address, and in what a browser kept', () => {
  const settings = {
    ...defaultSettings,
    optimizer: { ...chosenOf('optimizer', 'sgd'), momentum: 0.9, weightDecay: 1e-4 },
    schedule: { ...chosenOf('schedule', 'step'), stepSize: 2, every: 'step' },
  }
  const query = addressOf(settings, 'auto')
  expect(query).toContain('optimizer=sgd&learningRate=0.1&momentum=0.9&weightDecay=0.0001')
  expect(query).toContain('schedule=step&schedule.stepSize=2&schedule.every=step')
  expect(read(query)).toEqual({ settings, data: 'auto', notices: [] })
  expect(settingsOf(JSON.parse(JSON.stringify(settings)), 4)).toEqual(settings)
  // A whole experiment: what was chosen before does not stay beside it.
  expect(readAddress(addressOf(defaultSettings, 'auto'), settings, 4).settings).toEqual(defaultSettings)
})

test('schedules one after the other are in an address, in what a browser kept, and in the experiment', () => {
  const settings = {
    ...defaultSettings,
    schedule: { ...chosenOf('schedule', 'linear'), startFactor: 0.1, totalSteps: 1 },
    then: [{ ...chosenOf('schedule', 'exponential'), gamma: 0.9, for: 2 }, chosenOf('schedule', 'cosine')],
  }
  const query = addressOf(settings, 'auto')
  expect(query).toContain(
    'schedule=linear&schedule.startFactor=0.1&schedule.totalSteps=1&then=exponential&then.0.gamma=0.9&then.0.for=2&then=cosine',
  )
  expect(read(query)).toEqual({ settings, data: 'auto', notices: [] })
  expect(settingsOf(JSON.parse(JSON.stringify(settings)), 4)).toEqual(settings)
  const { schedule } = completeExperiment({
    model: 'cnn',
    schedule: [
      { name: 'linear', startFactor: 0.1, totalSteps: 1 },
      { name: 'exponential', gamma: 0.9, for: 2 },
      { name: 'cosine' },
    ],
  })
  expect(experimentOf(settings, 'mnist').schedule).toEqual(schedule)
  expect(settingsOf({ ...defaultSettings, schedule }, 4)).toEqual(settings)
  expect(readAddress(addressOf(defaultSettings, 'auto'), settings, 4).settings).toEqual(defaultSettings)
  expect(readAddress('?schedule=cosine', settings, 4).settings.then).toBeUndefined()
  expect(read('?schedule=linear&then=magic').notices).toEqual([
    'The address asks for then "magic", which this page does not have.',
  ])
  // A last one has no length of its own, and the one before needs one.
  expect(problemsOf({ ...settings, then: [{ ...chosenOf('schedule', 'cosine'), for: 3 }] })).toEqual({})
  expect(problemsOf({ ...settings, schedule: chosenOf('schedule', 'linear') })).toEqual({
    experiment: expect.stringContaining('how long linear lasts') as string,
  })
})

test('the parts of an experiment are in an address, and in what a browser kept', () => {
  expect([...partNames].sort()).toEqual(Object.keys(experimentParts).sort())
  const parts = {
    validation: { ...partPlain('validation'), size: 0.1, stratified: true },
    earlyStopping: { ...partPlain('earlyStopping'), patience: 5 },
    averageWeights: partPlain('averageWeights'),
  }
  const settings = { ...defaultSettings, parts }
  const query = addressOf(settings, 'auto')
  expect(query).toContain(
    'part=validation&validation.size=0.1&validation.stratified=true&part=earlyStopping&earlyStopping.patience=5&part=averageWeights',
  )
  expect(read(query)).toEqual({ settings, data: 'auto', notices: [] })
  expect(settingsOf(JSON.parse(JSON.stringify(settings)), 4)).toEqual(settings)
  expect(readAddress(addressOf(defaultSettings, 'auto'), settings, 4).settings).toEqual(defaultSettings)
  expect(read('?part=magic').notices).toEqual(['The address asks for part "magic", which this page does not have.'])
})

test('what an earlier version of the page kept is read', () => {
  const kept = { ...defaultSettings, optimizer: 'adam', learningRate: 0.002, loss: undefined }
  expect(settingsOf(kept, 4)).toEqual({
    ...defaultSettings,
    optimizer: { ...chosenOf('optimizer', 'adam'), learningRate: 0.002 },
  })
})

test('a model of its own is in an address, and in what a browser kept', () => {
  const definition = modelText(catalogue['two-layer'](mnistFit))
  const settings = { ...defaultSettings, definition }
  const query = addressOf(settings, 'auto')
  expect(new URLSearchParams(query).get('model')).toBe(JSON.stringify(catalogue['two-layer'](mnistFit)))
  expect(read(query)).toEqual({ settings, data: 'auto', notices: [] })
  expect(settingsOf(JSON.parse(JSON.stringify(settings)), 4)).toEqual(settings)
  expect(readAddress('?model=linear', settings, 4).settings.definition).toBeUndefined()
  expect(experimentOf(settings, 'mnist').model).toEqual(catalogue['two-layer'](mnistFit))
  // What is wrong is told, and can be put right behind the link.
  const wrong = { ...settings, definition: definition.replace('"relu"', '"rely"') }
  expect(read(addressOf(wrong, 'auto')).settings.definition).toBe(wrong.definition.trim())
  expect(problemsOf(wrong)).toEqual({
    definition: expect.stringMatching(/^Line 7 of the model: layers\[2\]/) as string,
  })
  // A longer one is said to be missing.
  const long = {
    ...settings,
    definition: definition.replace('{ "type": "relu" }', Array(200).fill('{ "type": "relu" }').join()),
  }
  expect(addressOf(long, 'auto')).toContain('?model=own&')
  const { settings: without, notices } = read(addressOf(long, 'auto'))
  expect(without).toEqual(defaultSettings)
  expect(notices).toEqual(['The model of this address was too long for it: open its model.json under Experiment.'])
})
