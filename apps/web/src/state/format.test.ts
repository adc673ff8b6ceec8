import { expect, test } from 'vitest'
import { loss } from './format'

test('a loss fits its place however large it grew', () => {
  expect([0.04531, 2.302585, 999.9].map(loss)).toEqual(['0.0453', '2.3026', '999.9000'])
  expect([358_358_184, 105_796_763.4].map(loss)).toEqual(['3.58e+8', '1.06e+8'])
  expect([undefined, null, NaN, Infinity].map(loss)).toEqual(['–', '–', '–', '–'])
})
