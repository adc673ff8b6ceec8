import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { DataError, mnistForm, strokes } from './index'
import { loadDataset } from './node'

/** A grey picture as a canvas has it. */
const rgbaOf = (grey: ArrayLike<number>, alpha: (value: number) => number = () => 255) => {
  const rgba = new Uint8ClampedArray(4 * grey.length)
  for (let i = 0; i < grey.length; i++) {
    const value = grey[i] ?? 0
    rgba[4 * i] = rgba[4 * i + 1] = rgba[4 * i + 2] = value
    rgba[4 * i + 3] = alpha(value)
  }
  return rgba
}

/** A digit of [28, 28] as larger squares, on a sheet of `width` x `height`, somewhere. */
const enlarge = (digit: Uint8Array, factor: number, [left, top]: [number, number], [width, height]: [number, number]) =>
  Uint8Array.from({ length: width * height }, (_, at) => {
    const [column, row] = [((at % width) - left) / factor, (Math.floor(at / width) - top) / factor].map(Math.floor)
    if (column === undefined || row === undefined || column < 0 || row < 0 || column > 27 || row > 27) return 0
    return digit[row * 28 + column] ?? 0
  })

/** Mean difference of two pictures in grey levels. */
const apart = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? NaN)), 0) / a.length

const { test: split } = await strokes({ trainCount: 1, testCount: 100 })
const digits = Array.from({ length: 100 }, (_, i) => split.images.subarray(i * 784, (i + 1) * 784))
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('a digit drawn at another size, anywhere on the sheet', () => {
  test.each([1, 2, 5, 9])('%d times as large is the same, whichever of ink and paper is light', (factor) => {
    const size: [number, number] = [Math.ceil(28 * factor) + 31, Math.ceil(28 * factor) + 9]
    const found = digits.slice(0, 8).map((digit) => {
      const drawn = enlarge(digit, factor, [26, 3], size)
      const light = mnistForm(rgbaOf(drawn), ...size)
      expect(mnistForm(rgbaOf(drawn.map((value) => 255 - value)), ...size)).toEqual(light)
      expect(mnistForm(rgbaOf(drawn.map((value) => 40 + value / 2)), ...size).length).toBe(784)
      return apart(light, mnistForm(rgbaOf(digit), 28, 28))
    })
    expect(mean(found)).toBeLessThan(4)
  })

  test('ink on a transparent sheet, black or white', () => {
    const drawn = enlarge(digits[3] as Uint8Array, 3, [10, 10], [110, 120])
    const opaque = mnistForm(rgbaOf(drawn), 110, 120)
    for (const ink of [0, 255]) {
      const rgba = rgbaOf(drawn, (value) => value).map((value, i) => (i % 4 === 3 ? value : ink))
      expect(apart(mnistForm(rgba, 110, 120), opaque)).toBeLessThan(1)
    }
  })
})

test('the box is 20 pixels at its larger side, and the centre of mass in the middle', () => {
  const anyBox = fc.record({ width: fc.integer({ min: 1, max: 60 }), height: fc.integer({ min: 1, max: 60 }) })
  fc.assert(
    fc.property(anyBox, fc.nat(20), fc.nat(20), ({ width, height }, left, top) => {
      const [sheetWidth, sheetHeight] = [width + left + 21, height + top + 21]
      const sheet = new Uint8Array(sheetWidth * sheetHeight).fill(250)
      for (let y = 0; y < height; y++)
        sheet.fill(10, (top + 10 + y) * sheetWidth + left + 10, (top + 10 + y) * sheetWidth + left + 10 + width)
      const form = mnistForm(rgbaOf(sheet), sheetWidth, sheetHeight)
      const inked = Array.from(form.keys()).filter((at) => (form[at] ?? 0) > 0)
      const [xs, ys] = [inked.map((at) => at % 28), inked.map((at) => Math.floor(at / 28))]
      const span = (values: number[]) => Math.max(...values) - Math.min(...values) + 1
      expect(Math.max(span(xs), span(ys))).toBe(20)
      const centre = (values: number[]) =>
        values.reduce((sum, value, i) => sum + (value + 0.5) * form[inked[i]!]!, 0) /
        inked.reduce((sum, at) => sum + form[at]!, 0)
      expect(Math.abs(centre(xs) - 14.5)).toBeLessThanOrEqual(0.51) // grey levels are rounded, too
      expect(Math.abs(centre(ys) - 14.5)).toBeLessThanOrEqual(0.51)
    }),
    { numRuns: 200, examples: [[{ width: 55, height: 56 }, 4, 0]] }, // one column of the scaled box is grey
  )
})

test("MNIST's own images keep their form", async ({ skip }) => {
  const folder = mnistFolder()
  if (!folder) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const { images } = (await loadDataset('mnist', { folder })).test
  const found = Array.from({ length: 500 }, (_, i) => {
    const image = images.subarray(i * 784, (i + 1) * 784)
    return apart(mnistForm(rgbaOf(image), 28, 28), image)
  })
  expect(mean(found)).toBeLessThan(0.5)
})

test('what holds no digit is refused with what was found', () => {
  expect(() => mnistForm(new Uint8Array(400).fill(200), 10, 10)).toThrow(DataError)
  expect(() => mnistForm(new Uint8Array(4).fill(255), 1, 1)).toThrow('found shades from 255 to 255 of 255')
  expect(() => mnistForm(new Uint8Array(400), 10, 10)).toThrow('found shades from 0 to 0 of 255')
  expect(() => mnistForm(new Uint8Array(399), 10, 10)).toThrow(
    'expected 400 bytes of a picture of 10 x 10 with four channels, found 399',
  )
  expect(() => mnistForm(new Uint8Array(0), 0, 10)).toThrow(DataError)
})
