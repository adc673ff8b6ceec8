// --data-dir says where the files are, whatever a run or a plan names them by.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { begunFile, begunText } from './begun'
import { datasetPlace, isNamedDataset } from './dataset-place'
import { makeWorkplace, type Workplace } from './testing/command'
import { runHere } from './testing/in-process'

let place: Workplace
let accuracy = 0

const digitlab = (...args: string[]) => runHere(place.folder, args, place.environment)
const at = (...path: string[]) => join(place.folder, ...path)
const runOf = async (name: string) =>
  JSON.parse(await readFile(at(name, 'run.json'), 'utf8')) as {
    experiment: { dataset: string }
    metrics: { accuracy: number }
  }

/** A run on `digits`, which lie in `moved` afterwards. */
beforeAll(async () => {
  place = await makeWorkplace('data-dir', { trainCount: 600, testCount: 100 })
  const args = [
    '--model',
    'linear',
    '--dataset',
    'digits#limit=400',
    '--epochs',
    '1',
    '--backend',
    'cpu',
    '--no-report',
  ]
  const { code, err } = await digitlab('train', ...args, '--out', 'trained')
  expect(code, err).toBe(0)
  accuracy = (await runOf('trained')).metrics.accuracy
  await rename(at('digits'), at('moved'))
})
afterAll(() => place.remove())

test('a run is evaluated on the images of the folder that is given, with what was made of its own', async () => {
  const lost = await digitlab('evaluate', 'trained', '--backend', 'cpu')
  expect([lost.code, lost.err]).toEqual([1, expect.stringContaining('no data set and no folder "digits') as string])
  const { code, out, err } = await digitlab('evaluate', 'trained', '--backend', 'cpu', '--data-dir', 'moved', '--json')
  expect(code, err).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ dataset: 'moved#limit=400', metrics: { accuracy } })
})

test('the folder of the run is not read beside the one that is given', async () => {
  await mkdir(at('digits'))
  await writeFile(at('digits', 'train-images-idx3-ubyte'), 'no images')
  const { code, err } = await digitlab('evaluate', 'trained', '--backend', 'cpu', '--data-dir', 'moved')
  expect(code, err).toBe(0)
})

test('a run goes on with the images of the folder that is given, as the same run', async () => {
  await mkdir(at('again', 'checkpoint'), { recursive: true })
  const settings = { model: 'linear', epochs: 1 }
  const begun = { settings, dataset: 'digits#limit=400', backend: 'cpu', workers: 1, report: false }
  await writeFile(at('again', begunFile), begunText(begun))
  const { code, err } = await digitlab('train', '--resume', 'again', '--data-dir', 'moved')
  expect(code, err).toBe(0)
  expect(await runOf('again')).toMatchObject({ experiment: { dataset: 'digits#limit=400' }, metrics: { accuracy } })
})

test('two folders for one data set are refused', async () => {
  for (const command of [
    ['train', '--model', 'linear'],
    ['evaluate', 'trained'],
    ['compare'],
    ['parity', '--model', 'linear'],
    ['show'],
    ['sweep', '--models', 'linear', '--out', 'none'],
  ]) {
    const { code, err } = await digitlab(...command, '--dataset', './moved', '--data-dir', 'elsewhere')
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('and --data-dir elsewhere is another: leave one') as string,
    ])
  }
})

test('a sweep takes what is made of a data set with a name', async () => {
  const args = ['--models', 'linear', '--dataset', 'strokes#limit=300', '--epochs', '1', '--backend', 'cpu']
  const { code, err } = await place.digitlab(['sweep', ...args, '--out', 'swept', '--jobs', '1']) // starts workers of its own
  expect(code, err).toBe(0)
})

test('names are those that are found anywhere', () => {
  const named = ['auto', 'mnist', 'strokes#limit=5', 'emnist-letters', 'mnist-c', 'mnist-c/fog']
  expect(named.filter((name) => !isNamedDataset(name))).toEqual([])
  const others = ['digits', './mnist', 'mnist/raw', 'k49/fog', 'https://example.org/mnist.npz', 'toString']
  expect(others.filter(isNamedDataset)).toEqual([])
  expect(datasetPlace('mnist#limit=5', 'here')).toEqual({ dataset: 'mnist#limit=5', folder: 'here' })
  expect(datasetPlace('digits#limit=5', 'here#limit=6')).toEqual({ dataset: 'here#limit=6', folder: undefined })
  expect(datasetPlace('digits', undefined)).toEqual({ dataset: 'digits', folder: undefined })
})
