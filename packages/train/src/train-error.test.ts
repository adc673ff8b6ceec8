import { DataError } from '@digitlab/data'
import { ModelError } from '@digitlab/models'
import { WeightsError } from '@digitlab/weights'
import { expect, test } from 'vitest'
import { expectSentence } from '../../../tooling/vitest/hostile'
import { isMendable, TrainError } from './experiment'

test.each([new TrainError('x'), new ModelError('x'), new DataError('x'), new WeightsError('x')])(
  'a %s can be mended by a user, whatever package it is of',
  (error) => expect(isMendable(error)).toBe(true),
)

test.each([TrainError, ModelError, DataError, WeightsError])(
  'a %o is one line without control characters, whatever name is put into it',
  (Kind) => {
    for (const name of [
      'x\n\u001b[2J\u009b\u2028\u202e\ud800',
      '\u001b'.repeat(100_000),
      '\u{1f600}'.repeat(100_000),
    ]) {
      const { message } = new Kind(`expected a name, found ${name}: give another`)
      expectSentence(message)
      expect(message).toMatch(/^expected a name, found .*: give another$/u)
    }
    const plain = 'expected [60000, 28, 28], found [1] (é ü 文 \u{1f600}): give another'
    expect(new Kind(plain).message).toBe(plain)
  },
)

test('an error that does not say so is a bug, and what is no error too', () => {
  const refused = Object.assign(new Error('x'), { mendable: false })
  expect([new Error('x'), refused, { mendable: true }, 'x', undefined, null].map(isMendable)).toEqual(
    new Array<boolean>(6).fill(false),
  )
})
