import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  boolean,
  choice,
  completeOptions,
  integer,
  layerName,
  list,
  number,
  optionsHelp,
  optionsSchema,
  type CompletedOptions,
  type GivenOptions,
} from './index'

const table = {
  learningRate: number({ above: 0, default: 0.1, says: 'size of a step' }),
  beta: number({ from: 0, below: 1, default: 0.9 }),
  size: integer({ from: 1 }),
  name: layerName({ optional: true }),
  bias: boolean({ default: true }),
  every: choice(['epoch', 'step'], { default: 'epoch' }),
  milestones: list(integer({ from: 1, to: 9 }), { atLeast: 1, optional: true }),
}
const complete = (given: unknown) =>
  completeOptions(table, given, { name: 'mine', path: 'it.', error: (sentence) => new RangeError(sentence) })

test('the types follow from the table', () => {
  expectTypeOf<GivenOptions<typeof table>>().toExtend<{ readonly size: number; readonly beta?: number }>()
  expectTypeOf<{ size: number }>().toExtend<GivenOptions<typeof table>>()
  expectTypeOf<CompletedOptions<typeof table>['every']>().toEqualTypeOf<'epoch' | 'step'>()
  expectTypeOf<CompletedOptions<typeof table>['bias']>().toEqualTypeOf<boolean>()
  expectTypeOf<CompletedOptions<typeof table>['milestones']>().toEqualTypeOf<readonly number[] | undefined>()
})

test('defaults are filled in, optional ones stay absent', () => {
  expect(complete({ size: 3 })).toEqual({ learningRate: 0.1, beta: 0.9, size: 3, bias: true, every: 'epoch' })
  expect(complete({ size: 3, every: 'step', milestones: [2, 5], name: 'a.0' })).toMatchObject({
    every: 'step',
    milestones: [2, 5],
    name: 'a.0',
  })
})

describe('what does not fit is refused with its path, its value and what it may be', () => {
  test.each<[unknown, string]>([
    [{ size: 0 }, 'it.size must be an integer from 1 to 2^53 - 1, not 0'],
    [{ size: 2 ** 53 }, 'it.size must be an integer from 1 to 2^53 - 1, not 9007199254740992'],
    [{}, 'it.size is missing: it must be an integer from 1'],
    [{ size: 1, learningRate: 0 }, 'it.learningRate must be a number above 0, not 0'],
    [{ size: 1, learningRate: Infinity }, 'it.learningRate must be a number above 0, not Infinity'],
    [{ size: 1, beta: 1 }, 'it.beta must be a number at least 0 and below 1, not 1'],
    [{ size: 1, bias: 1 }, 'it.bias must be true or false, not 1'],
    [{ size: 1, every: 'day' }, 'it.every must be one of "epoch", "step", not "day"'],
    [
      { size: 1, milestones: [] },
      'it.milestones must be a list, each of it an integer from 1 to 9, at least 1, not []',
    ],
    [{ size: 1, milestones: [1, , 3] }, 'not [1,undefined,3]'], // eslint-disable-line no-sparse-arrays
    [{ size: 1, name: '.' }, 'it.name must be letters, digits and _'],
    [{ size: 1, speed: 3 }, 'it.speed is not an option of mine, which takes learningRate, beta'],
    [{ size: 1, toString: 3 }, 'it.toString is not an option of mine'],
    [null, 'the options of mine must be an object, not null'],
  ])('%j', (given, message) => {
    expect(() => complete(given)).toThrow(RangeError)
    expect(() => complete(given)).toThrow(message)
  })

  test('and the error is told the key', () => {
    const keyOf = (given: unknown): string | undefined => {
      let found: string | undefined
      const error = (sentence: string, key: string | undefined) => {
        found = key
        return new RangeError(sentence)
      }
      expect(() => completeOptions(table, given, { name: 'mine', error })).toThrow(RangeError)
      return found
    }
    expect([{ size: 0 }, {}, { size: 1, speed: 3 }, null].map(keyOf)).toEqual(['size', 'size', 'speed', undefined])
  })
})

test('a schema and lines of help say the same', () => {
  expect(optionsSchema(table)).toEqual({
    properties: {
      learningRate: { description: 'size of a step', type: 'number', exclusiveMinimum: 0 },
      beta: { type: 'number', minimum: 0, exclusiveMaximum: 1 },
      size: { type: 'integer', minimum: 1 },
      name: { type: 'string', pattern: '^\\w+(\\.\\w+)*$', maxLength: 128 },
      bias: { type: 'boolean' },
      every: { enum: ['epoch', 'step'] },
      milestones: { type: 'array', items: { type: 'integer', minimum: 1, maximum: 9 }, minItems: 1 },
    },
    required: ['size'],
  })
  expect(optionsHelp(table).slice(0, 2)).toEqual([
    'learningRate: size of a step, a number above 0 (default: 0.1)',
    'beta: a number at least 0 and below 1 (default: 0.9)',
  ])
})
