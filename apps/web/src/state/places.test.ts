import { expect, test } from 'vitest'
import { placesOf } from './places'

/** Ink everywhere on a sheet of 9 x 9, with these values at some pixels. */
const evidence = (...at: [row: number, column: number, value: number][]) => {
  const values = new Int8Array(81)
  for (const [row, column, value] of at) values[9 * row + column] = value
  return { label: 7, form: new Uint8Array(81).fill(255), height: 9, width: 9, values }
}

test('where the ink speaks for a class, and where against it, in words', () => {
  expect(placesOf(evidence([0, 1, 127], [8, 8, -30]))).toEqual({
    most: 'at the top left',
    least: 'at the bottom right',
  })
  expect(placesOf(evidence([4, 0, 5], [4, 4, 9]))).toEqual({ most: 'in the middle' })
  expect(placesOf(evidence([4, 8, -5]))).toEqual({ least: 'on the right' })
  expect(placesOf(evidence())).toEqual({})
  // Paper speaks for nothing.
  expect(placesOf({ ...evidence([0, 0, 127]), form: new Uint8Array(81) })).toEqual({})
})
