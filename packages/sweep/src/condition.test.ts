import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCondition } from './condition'

const row = { model: 'cnn', seed: 3, testAccuracy: 0.981, 'optimizer.name': 'adam', schedule: null, loss: NaN }

test.each([
  ['model=cnn', true],
  ['model = "cnn"', true],
  ["model!='cnn'", false],
  ['model~n and seed<4', true],
  ['testAccuracy>0.98 and testAccuracy<=0.981', true],
  ['testAccuracy>0.99 or seed=3', true],
  ['model=linear or model=cnn and seed=4', false], // and binds more tightly
  ['(model=linear or model=cnn) and seed=3', true],
  ['not (seed in (0, 1, 2))', true],
  ['seed in (3)', true],
  ['seed=3.0', true],
  ['seed=03', true], // as a number
  ['seed>10', false], // not as text
  ['optimizer.name=adam', true],
  ['schedule=none', true],
  ['nothing=none and nothing!=3', true],
  ['nothing<3 or nothing>=3', false],
  ['loss<1 or loss>=1', false],
  ['seed=abc', false],
])('%s', (text, held) => {
  expect(parseCondition(text).holds(row)).toBe(held)
})

test('names its fields once', () => {
  expect(parseCondition('a=1 and not (b>2 or a<3)').fields).toEqual(['a', 'b'])
})

describe('refuses', () => {
  test.each([
    ['', 'nothing where a field was expected'],
    ['model', 'one of =, !=, <'],
    ['model=', 'nothing where a value was expected (character 7)'],
    ['model=cnn seed=1', '"seed=1" where "and" or "or" was expected (character 11)'],
    ['(model=cnn', '")" was expected'],
    ['seed in 3', '"(" was expected'],
    ['seed in (1, 2', '")" was expected'],
    ['model=cnn and', 'a field was expected'],
    ['!model', 'a field, a value or a sign'],
    ["model='cnn", 'a field, a value or a sign'],
  ])('%s', (text, said) => {
    expect(() => parseCondition(text)).toThrow(said)
  })

  test('anything else with a sentence, never by a bug', () => {
    const pieces = fc.constantFrom(
      'a',
      '=',
      '<',
      '(',
      ')',
      ' and ',
      ' or ',
      ' not ',
      ' in ',
      ',',
      "'",
      '"',
      '1',
      '!',
      '~',
      '\u0000',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        try {
          expect(typeof parseCondition(parts.join('')).holds({ a: 1 })).toBe('boolean')
        } catch (error) {
          expect(error).toMatchObject({ name: 'SweepError' })
        }
      }),
      { numRuns: 500 },
    )
  })
})
