import { describe, expect, test } from 'vitest'
import { expandPlan, planDifferences, type SweepPlan } from './expand'

test('a grid has every value with every other, the last field changing first', () => {
  expect(
    expandPlan({ experiment: { epochs: 2 }, vary: { model: ['linear', 'cnn'], seed: { from: 0, to: 1 } } }),
  ).toEqual([
    { epochs: 2, model: 'linear', seed: 0 },
    { epochs: 2, model: 'linear', seed: 1 },
    { epochs: 2, model: 'cnn', seed: 0 },
    { epochs: 2, model: 'cnn', seed: 1 },
  ])
})

test('a field within another is set after it, wherever it was written', () => {
  const vary = { 'optimizer.learningRate': [0.1, 0.2], optimizer: [{ name: 'sgd' }, { name: 'adam' }] }
  expect(expandPlan({ vary })).toEqual([
    { optimizer: { name: 'sgd', learningRate: 0.1 } },
    { optimizer: { name: 'adam', learningRate: 0.1 } },
    { optimizer: { name: 'sgd', learningRate: 0.2 } },
    { optimizer: { name: 'adam', learningRate: 0.2 } },
  ])
})

const values = (axis: SweepPlan['vary'] extends infer V ? (V extends Record<string, infer A> ? A : never) : never) =>
  expandPlan({ vary: { x: axis } }).map(({ x }) => x)

test('ranges hold both ends, in decimals as they would be written', () => {
  expect(values({ from: 0, to: 1, step: 0.1 })).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
  expect(values({ from: 1, to: 6, step: 2 })).toEqual([1, 3, 5])
  expect(values({ from: 0, to: 1, count: 5 })).toEqual([0, 0.25, 0.5, 0.75, 1])
  expect(values({ from: 0.001, to: 10, count: 5, scale: 'log' })).toEqual([0.001, 0.01, 0.1, 1, 10])
})

describe('a random search', () => {
  const plan: SweepPlan = {
    vary: { seed: [0, 1] },
    random: {
      count: 500,
      seed: 7,
      vary: {
        rate: { logUniform: [0.001, 1] },
        size: [32, 64],
        depth: { integer: [1, 3] },
        share: { uniform: [-1, 1] },
      },
    },
  }

  test('is the same for the same seed, and another for another', () => {
    expect(expandPlan(plan)).toEqual(expandPlan(structuredClone(plan)))
    expect(expandPlan(plan)).not.toEqual(expandPlan({ ...plan, random: { ...plan.random!, seed: 8 } })) // it is there above
  })

  test('draws once for every place of the grid, over the whole of each distribution', () => {
    const runs = expandPlan(plan)
    expect(runs).toHaveLength(1000)
    expect({ ...runs[0], seed: 0 }).toEqual({ ...runs[1], seed: 0 })
    const rates = runs.map(({ rate }) => rate as number)
    expect(rates.every((rate) => rate >= 0.001 && rate < 1)).toBe(true)
    // A third of a log-uniform draw from three decades lies in each.
    for (const [low, high] of [
      [0.001, 0.01],
      [0.01, 0.1],
      [0.1, 1],
    ] as const) {
      const share = rates.filter((rate) => rate >= low && rate < high).length / rates.length
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.08)
    }
    expect([...new Set(runs.map(({ depth }) => depth))].sort()).toEqual([1, 2, 3])
    expect(runs.map(({ share }) => share as number).some((share) => share < -0.9)).toBe(true)
  })
})

test('conditions add fields, and leave runs out', () => {
  const runs = expandPlan({
    vary: { optimizer: [{ name: 'sgd' }, { name: 'adam' }], seed: [0, 1] },
    when: [{ if: 'optimizer.name=sgd', experiment: { epochs: 3 }, vary: { 'optimizer.momentum': [0, 0.9] } }],
    only: 'momentum=none or momentum=0 or seed=1',
  })
  expect(runs).toEqual([
    { optimizer: { name: 'sgd', momentum: 0 }, seed: 0, epochs: 3 },
    { optimizer: { name: 'sgd', momentum: 0 }, seed: 1, epochs: 3 },
    { optimizer: { name: 'sgd', momentum: 0.9 }, seed: 1, epochs: 3 },
    { optimizer: { name: 'adam' }, seed: 0 },
    { optimizer: { name: 'adam' }, seed: 1 },
  ])
})

test.each([
  [[], 'a sweep must be an object'],
  [{ varies: {} }, 'a sweep has no "varies": it may have experiment, vary'],
  [{ vary: { seed: [] } }, 'seed has no values'],
  [{ vary: { seed: [1, 1] } }, 'seed names 1 twice'],
  [{ vary: { seed: 1 } }, 'seed must be a list such as [1, 2]'],
  [{ vary: { seed: { from: 2, to: 1 } } }, 'from 2 to 1'],
  [{ vary: { seed: { from: 0, to: 1, step: 0 } } }, 'step of seed must be above 0'],
  [{ vary: { seed: { from: 0, to: 1e12 } } }, '100000 are the most'],
  [{ vary: { seed: { from: 0, to: 1, count: 3, scale: 'log' } } }, 'begin above 0'],
  [{ vary: { a: { from: 1, to: 2000 }, b: { from: 1, to: 2000 } } }, '4,000,000 runs'],
  [{ vary: { '__proto__.x': [1] } }, 'is not a field of an experiment'],
  [{ random: { count: 0, vary: { x: [1] } } }, 'random.count must be an integer from 1'],
  [{ random: { count: 1, vary: { x: { normal: [0, 1] } } } }, 'x must be drawn from a list'],
  [{ random: { count: 1, vary: { x: { uniform: [1, 1] } } } }, 'two numbers, the smaller one first'],
  [{ vary: { seed: [1] }, only: 'seed=2' }, 'no run is left of 1'],
  [{ when: [{ vary: {} }] }, 'when[0].if must be a condition'],
])('refuses %j', (plan, said) => {
  expect(() => expandPlan(plan as SweepPlan)).toThrow(said)
})

test('says in which fields two plans differ', () => {
  const plan = { vary: { seed: [0, 1], model: ['cnn'] } }
  expect(planDifferences(plan, structuredClone(plan))).toEqual([])
  expect(planDifferences(plan, { vary: { seed: [0, 1, 2], model: ['cnn'] }, only: 'seed=1' })).toEqual([
    'vary.seed is [0,1] here, and [0,1,2] there',
    'only is not given here, and "seed=1" there',
  ])
})

describe('a plan that is too deep', () => {
  const list = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as SweepPlan
  const object = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`) as SweepPlan
  const plans = [
    ...[list, object, { experiment: list }, { experiment: object }, { vary: list }, { vary: { seed: list } }],
    ...[{ vary: { seed: [list] } }, { random: list }, { random: { count: 1, vary: { seed: { uniform: list } } } }],
    ...[{ when: list }, { when: [list] }, { when: [{ if: 'a=1', experiment: object }] }, { only: list }],
  ] as SweepPlan[]

  test.each(plans.map((plan, i) => [i, plan] as const))('%i: refused', (_, plan) => {
    expect(() => expandPlan(plan)).toThrow('a plan is at most 100 lists and objects deep: make it flatter')
    expect(() => planDifferences({}, plan as never)).toThrow('a plan is at most 100 lists and objects deep')
  })

  test('by the name of a field, or by a condition', () => {
    const vary = { [`${'a.'.repeat(100_000)}a`]: [1] }
    expect(() => expandPlan({ vary })).toThrow(/^"a\.a\..{0,80}\.\.\. is not a field of an experiment/)
    for (const only of ['('.repeat(100_000), 'not '.repeat(100_000)])
      expect(() => expandPlan({ only })).toThrow('at most 100 brackets and "not"s in one another')
    expect(() => expandPlan({ only: `a b${' '.repeat(10_000)}c` })).toThrow(/^the condition "a b *\.\.\." has "b/)
  })
})
