import { describe, expect, test } from 'vitest'
import { runExperiment, runParity, TrainError, type ReferenceTrace } from './index'
import { largest } from './compare-sides'
import { stock, tiny, tinyExperiment } from './testing/tiny'

test.each<[number[], number[], number]>([
  [[NaN, 1], [1, 1], NaN],
  [[1, NaN], [1, 1], NaN],
  [[Infinity, 1], [Infinity, 1], NaN],
  [[Infinity], [1], Infinity],
  [[1, 2], [1], NaN],
  [[], [], NaN],
  [[1, 2, 3], [1, 2.5, 3.25], 0.5],
])('the largest difference of %j and %j is %d', (a, b, difference) => {
  expect(largest(a, b)).toBe(difference)
  expect(largest(b, a)).toBe(difference)
})

describe('a reference', () => {
  const data = tiny(50, 9)
  const experiment = tinyExperiment({ epochs: 1 })
  const compare = async (more: Partial<ReferenceTrace>) => {
    const { run } = await runExperiment(experiment, { data, backend: stock() })
    const reference: ReferenceTrace = {
      torch: '2',
      experiment,
      firstLosses: [...run.history.stepLosses, 9, 9, 9],
      testAccuracy: [run.metrics.accuracy],
      ...more,
    }
    return runParity(experiment, { data, backends: [stock()], reference })
  }

  test('of more steps than there are is compared over those that there are', async () => {
    const { passed, pairs } = await compare({})
    expect(passed).toBe(true)
    expect(pairs.at(-1)?.checks.losses?.difference).toBe(0)
  })

  test('of other losses does not pass, and one of NaN neither', async () => {
    for (const loss of [NaN, 0]) {
      const { passed, pairs } = await compare({ firstLosses: [loss, ...Array<number>(9).fill(0)] })
      expect(passed).toBe(false)
      expect(pairs.at(-1)?.checks.firstLoss?.passed).toBe(false)
    }
  })

  test('that leaves float64 is passed by a run that stays with float64, and by no other', async () => {
    const { run } = await runExperiment(experiment, { data, backend: stock() })
    const { stepLosses } = run.history
    const firstLosses = stepLosses.map((loss, step) => loss + (step < 3 ? 0 : 0.01))
    const trace = {
      firstLosses,
      learningRates: stepLosses.map(() => experiment.optimizer.learningRate),
      againstOneThread: { first20: 0, losses: 0 },
    }
    expect((await compare(trace)).passed).toBe(false)
    expect((await compare({ ...trace, float64: stepLosses })).passed).toBe(true)
    expect((await compare({ ...trace, float64: firstLosses.map((loss) => loss + 0.01) })).passed).toBe(false)
  })

  test.each<[Partial<ReferenceTrace>, string]>([
    [{ firstLosses: [1, 2, 3] }, 'it holds the losses of 3 steps, 7 are compared: write a longer one'],
    [{ testAccuracy: [] }, "its number of epochs is 0, this one's 1"],
    [{ experiment: tinyExperiment({ epochs: 1, seed: 3 }) }, "its seed is 3, this one's 0"],
    [{ experiment: tinyExperiment({ optimizer: { learningRate: 0.2 } }) }, 'its optimizer is {"learningRate":0.2'],
  ])('that is shorter or of another experiment is refused: %j', async (more, message) => {
    await expect(compare(more)).rejects.toThrow(message)
    await expect(compare(more)).rejects.toBeInstanceOf(TrainError)
  })

  test('needs a backend to be compared with', async () => {
    await expect(runParity(experiment, { data, backends: [] })).rejects.toThrow('there is none')
  })
})
