import { expect, test } from 'vitest'
import { defaultSettings } from '../settings'
import { addressOf, readAddress } from './address'

const read = (query: string) => readAddress(query, defaultSettings, 4)

test('an address that was written is the same experiment when it is read', () => {
  const settings = {
    ...defaultSettings,
    model: 'linear',
    seed: 7,
    epochs: 3,
    optimizer: 'adam',
    learningRate: 1e-3,
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
  expect(settings).toEqual({ ...defaultSettings, learningRate: -1 })
  expect(notices).toEqual([
    'The address asks for model "transformer", which this page does not have.',
    'The address asks for threads "99", which this page does not have.',
    'The address asks for seed "x", which this page does not have.',
    'The address asks for epochs "", which this page does not have.',
    'The address asks for data "imagenet", which this page does not have.',
  ])
})
