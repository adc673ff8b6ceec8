import { DataError } from '@digitlab/data'
import { ModelError } from '@digitlab/models'
import { WeightsError } from '@digitlab/weights'
import { expect, test } from 'vitest'
import { isMendable, TrainError } from './experiment'

test.each([new TrainError('x'), new ModelError('x'), new DataError('x'), new WeightsError('x')])(
  'a %s can be mended by a user, whatever package it is of',
  (error) => expect(isMendable(error)).toBe(true),
)

test('an error that does not say so is a bug, and what is no error too', () => {
  const refused = Object.assign(new Error('x'), { mendable: false })
  expect([new Error('x'), refused, { mendable: true }, 'x', undefined, null].map(isMendable)).toEqual(
    new Array<boolean>(6).fill(false),
  )
})
