import { describe, expect, test } from 'vitest'
import { strongest } from './figures/confusion'
import { palettes, seriesColours } from './theme'

const channels = (colour: string): number[] =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)

/** Relative luminance, of WCAG 2. */
const luminance = (rgb: readonly number[]): number => {
  const [red = 0, green = 0, blue = 0] = rgb.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const contrast = (a: readonly number[], b: readonly number[]): number => {
  const [darker = 0, lighter = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (lighter + 0.05) / (darker + 0.05)
}

/** A colour of some opacity on another. */
const over = (colour: string, opacity: number, paper: string): number[] => {
  const behind = channels(paper)
  return channels(colour).map((c, n) => opacity * c + (1 - opacity) * (behind[n] ?? 0))
}

describe.each(['light', 'dark'] as const)('the %s theme', (theme) => {
  const { paper, ink, muted, first, second, wrong } = palettes[theme]

  test.each([ink, muted, first, second, wrong, ...seriesColours(theme)])('%s is read on paper', (colour) => {
    expect(contrast(channels(colour), channels(paper))).toBeGreaterThanOrEqual(4.5)
  })

  test('counts are read in the strongest cells of a confusion matrix', () => {
    expect(contrast(channels(ink), over(first, strongest, paper))).toBeGreaterThanOrEqual(4.5)
    expect(contrast(channels(ink), over(wrong, strongest, paper))).toBeGreaterThanOrEqual(4.5)
  })
})
