import { expect, test } from 'vitest'
import { pixelStatistics } from './pixel-statistics'

test('mean and standard deviation of pixels from 0 to 1', () => {
  expect(pixelStatistics(Uint8Array.of(0, 255))).toEqual({ mean: 0.5, std: 0.5 })
  expect(pixelStatistics(Uint8Array.of(51, 51, 51, 102))).toEqual({ mean: 0.25, std: 0.0866 })
})
