import { expect, test } from 'vitest'
import { duration, grouped, percent } from './index'

test('counts are whole and in groups of three digits', () => {
  expect([0, 999, 60_000, 1379.6, 1_234_567].map(grouped)).toEqual(['0', '999', '60,000', '1,380', '1,234,567'])
  expect([-0.4, -999.5, -1234, Infinity, 1e21].map(grouped)).toEqual([
    '0',
    '-999',
    '-1,234',
    '∞',
    (1e21).toLocaleString('en-US'),
  ])
})

test('shares are percentages; none is a dash', () => {
  expect([percent(0.98551), percent(1), percent(0.5, 0), percent(null)]).toEqual(['98.55 %', '100.00 %', '50 %', '-'])
})

test.each([
  [0, '0.00 s', '0 s'],
  [0.994, '0.99 s', '1 s'],
  [0.996, '1.0 s', '1 s'],
  [9.94, '9.9 s', '10 s'],
  [9.96, '10 s', '10 s'],
  [59.4, '59 s', '59 s'],
  [59.6, '1 min 00 s', '1 min 00 s'],
  [245, '4 min 05 s', '4 min 05 s'],
  [3599.6, '1 h 00 min', '1 h 00 min'],
  [4800, '1 h 20 min', '1 h 20 min'],
  [3.6e6, '1,000 h 00 min', '1,000 h 00 min'],
  [Infinity, '–', '–'],
])('%d seconds are %s, an estimate %s', (seconds, text, estimate) => {
  expect(duration(seconds)).toBe(text)
  expect(duration(seconds, { whole: true })).toBe(estimate)
})
