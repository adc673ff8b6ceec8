import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pixelStatistics } from './pixel-statistics'

test('mean and standard deviation of pixels from 0 to 1', () => {
  expect(pixelStatistics(Uint8Array.of(0, 255))).toEqual({ mean: 0.5, std: 0.5 })
  expect(pixelStatistics(Uint8Array.of(51, 51, 51, 102))).toEqual({ mean: 0.25, std: 0.0866 })
})

test('wherever the pixels begin, and whatever is beside them', () => {
  const pixel = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(pixel, { minLength: 1, maxLength: 40 }), fc.nat(7), fc.nat(7), (pixels, before, after) => {
      const bytes = Uint8Array.of(...new Array<number>(before).fill(9), ...pixels, ...new Array<number>(after).fill(7))
      const { mean, std } = pixelStatistics(bytes.subarray(before, before + pixels.length))
      const sum = (of: (value: number) => number) => pixels.reduce((sum, byte) => sum + of(byte / 255), 0)
      const wanted = sum((value) => value) / pixels.length
      expect(mean).toBeCloseTo(wanted, 3)
      expect(std).toBeCloseTo(Math.sqrt(sum((value) => (value - wanted) ** 2) / pixels.length), 3)
    }),
  )
})
