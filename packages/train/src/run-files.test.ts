import { WeightsError, readSafetensors, writeSafetensors } from '@digitlab/weights'
import type { StateDict } from '@digitlab/models'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { presentable } from '../../../tooling/vitest/mutations.ts'
import {
  isDataOf,
  parseRun,
  predictionsFile,
  readPredictions,
  readRunWeights,
  runExperiment,
  runFiles,
  TrainError,
  type Run,
} from './index'
import { stock, tiny, tinyExperiment } from './testing/tiny'

const data = tiny(50, 9)
let run: Run
let sound: Uint8Array

beforeAll(async () => {
  const result = await runExperiment(tinyExperiment(), { data, backend: stock() })
  const files = runFiles(result, data.test.labels)
  run = parseRun(files['run.json'] as string)
  sound = files[predictionsFile] as Uint8Array
})

const changed = (change: (entries: StateDict) => void, experiment = run.id): Uint8Array => {
  const { weights: entries } = readSafetensors(sound)
  change(entries)
  return writeSafetensors(entries, { metadata: { experiment } })
}
const set = (entry: string, index: number, value: number) => (entries: StateDict) => {
  const found = entries.get(entry)
  if (found) found.data[index] = value
}

test('weights are read back as they were written; one that is not a number is refused', async () => {
  const result = await runExperiment(tinyExperiment(), { data, backend: stock() })
  const bytes = runFiles(result, data.test.labels)['weights.safetensors'] as Uint8Array
  const weights = readRunWeights(bytes, result.run)
  expect(weights).toEqual(result.weights)
  const [entry] = weights.values()
  if (entry) entry.data[0] = NaN
  expect(() => readRunWeights(writeSafetensors(weights), result.run)).toThrow(WeightsError)
})

test('weights of another experiment are refused, those that name none are read', () => {
  const weights: StateDict = new Map([['fc.bias', { shape: [1], data: Float32Array.of(1) }]])
  const other = writeSafetensors(weights, { metadata: { experiment: 'f'.repeat(64) } })
  const read = () => readRunWeights(other, run)
  expect(read).toThrow(TrainError)
  expect(read).toThrow(
    `weights.safetensors is of the experiment "ffffffff", run.json of ${run.id.slice(0, 8)}: put the files of one run together`,
  )
  expect(readRunWeights(writeSafetensors(weights), run)).toEqual(weights)
})

test('a run was trained on the data set whose files have its hashes, all of them, and no other', () => {
  const files = ['a', 'b'].map((sha256) => ({ name: sha256, bytes: 1, sha256 }))
  const trained = { dataset: { ...run.dataset, files } }
  expect(isDataOf(trained, { ...data, files: files.map((file) => ({ ...file, name: 'renamed' })) })).toBe(true)
  const first = { name: 'a', bytes: 1, sha256: 'a' }
  for (const other of [[], [first], [...files].reverse(), [...files, first]])
    expect(isDataOf(trained, { ...data, files: other })).toBe(false)
  expect(isDataOf(trained, { ...data, files, test: { ...data.test, count: 8 } })).toBe(false)
})

test('predictions are read back as they were made', () => {
  const { labels, after, probabilities } = readPredictions(sound, run)
  expect([...labels]).toEqual([...data.test.labels])
  expect(after).toHaveLength(9)
  expect(probabilities).toHaveLength(27)
})

describe('predictions that are none are refused in a sentence', () => {
  test.each<[string, (entries: StateDict) => void, string]>([
    [
      'none before',
      (entries) => void entries.set('before', { shape: [0], data: new Float32Array(0) }),
      'holds "before" as [0], the run as [9]',
    ],
    [
      'fewer labels',
      (entries) => void entries.set('labels', { shape: [8], data: new Float32Array(8) }),
      'holds "labels" as [8], the run as [9]',
    ],
    [
      'other classes',
      (entries) => void entries.set('probabilities', { shape: [9, 10], data: new Float32Array(90) }),
      'holds "probabilities" as [9, 10], the run as [9, 3]',
    ],
    [
      'no probabilities',
      (entries) => void entries.delete('probabilities'),
      'holds no "probabilities", it holds "labels", "before", "after"',
    ],
    ['a class of 300', set('before', 4, 300), 'has 300 at index 4 of "before", which is no class from 0 to 2'],
    ['half a class', set('after', 0, 0.5), 'has 0.5 at index 0 of "after"'],
    ['a class before the first', set('labels', 2, -1), 'has -1 at index 2 of "labels"'],
    ['NaN', set('probabilities', 3, NaN), 'has NaN at index 3 of "probabilities", which is no probability'],
    ['more than one', set('probabilities', 0, 1.5), 'has 1.5 at index 0 of "probabilities"'],
    [
      'a sum that is not 1',
      (entries) => void entries.get('probabilities')?.data.fill(0, 0, 3),
      'gives image 0 probabilities that sum to 0.00',
    ],
  ])('%s', (_, change, message) => {
    const read = () => readPredictions(changed(change), run)
    expect(read).toThrow(TrainError)
    expect(read).toThrow(message)
  })

  test('those that contradict the confusion matrix, in what is right and in what is confused', () => {
    const swap = (entries: StateDict) => {
      const [labels, after] = [entries.get('labels')?.data, entries.get('after')?.data]
      if (!labels || !after) return
      const wrong = ((labels[0] ?? 0) + 1) % 3
      after[0] = wrong
    }
    expect(() => readPredictions(changed(swap), run)).toThrow('of 9 images right, run.json')
    const turned = (entries: StateDict) => {
      for (const entry of ['labels', 'after']) {
        const found = entries.get(entry)?.data
        found?.forEach((value, i) => (found[i] = (value + 1) % 3))
      }
    }
    expect(() =>
      readPredictions(changed(turned), {
        ...run,
        metrics: {
          ...run.metrics,
          confusion: [
            [2, 0, 0],
            [0, 4, 0],
            [0, 0, 3],
          ],
          correct: 9,
        },
      }),
    ).toThrow(/takes \d images of class \d for \d, run.json \d/)
  })

  test('those of another run', () => {
    expect(() =>
      readPredictions(
        changed(() => {}, 'f'.repeat(64)),
        run,
      ),
    ).toThrow('is of the experiment "ffffffff"')
  })

  test('whatever is changed in them, they are read or a sentence says why not', () => {
    let refused = 0
    const value = fc.constantFrom(NaN, Infinity, -1, 0.5, 3, 300, 2 ** 24, 1e-9)
    const entry = fc.constantFrom('labels', 'before', 'after', 'probabilities')
    const shape = fc.array(fc.nat(30), { maxLength: 3 })
    const change = fc.oneof(
      fc.tuple(entry, fc.nat(26), value).map(([name, index, held]) => set(name, index, held)),
      fc.tuple(entry, shape).map(([name, shape]) => (entries: StateDict) => {
        entries.set(name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) })
      }),
      entry.map((name) => (entries: StateDict) => void entries.delete(name)),
    )
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        try {
          readPredictions(
            changed((entries) => changes.forEach((change) => change(entries))),
            run,
          )
        } catch (error) {
          if (!(error instanceof TrainError || error instanceof WeightsError)) throw error
          if (!presentable(error.message)) throw new Error(`not presentable: ${error.message}`, { cause: error })
          refused++
        }
      }),
      { numRuns: 500, seed: 1, interruptAfterTimeLimit: 5000 },
    )
    expect(refused).toBeGreaterThan(100)
  })
})
