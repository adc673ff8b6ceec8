// Digits that the package draws itself, in pictures with more in them than a digit: the form is that of the digit alone.
import { MersenneTwister } from '@digitlab/random'
import { describe, expect, test } from 'vitest'
import { DataError, digitPicture, strokes } from './index'

const { test: split } = await strokes({ trainCount: 1, testCount: 40 })
const digit = (i: number) => split.images.subarray(i * 784, (i + 1) * 784)

/** Grey levels, [side, side]. */
type Page = Float32Array
const side = 240

/** A digit four times as large, dark on white. */
const pageOf = (image: Uint8Array, left: number, top: number): Page => {
  const page = new Float32Array(side * side).fill(255)
  for (let y = 0; y < 112; y++)
    for (let x = 0; x < 112; x++)
      page[(top + y) * side + left + x] = 255 - (image[Math.floor(y / 4) * 28 + Math.floor(x / 4)] ?? 0)
  return page
}

const changed = (page: Page, value: (x: number, y: number, before: number) => number): Page => {
  const made = new Float32Array(page.length)
  for (let y = 0, i = 0; y < side; y++) for (let x = 0; x < side; x++, i++) made[i] = value(x, y, page[i] ?? 0)
  return made
}

const found = (page: Page, lightOnDark = false) => {
  const rgba = new Uint8Array(4 * page.length).fill(255)
  for (let i = 0; i < page.length; i++) {
    const grey = Math.min(255, Math.max(0, Math.round(page[i] ?? 0)))
    rgba[4 * i] = rgba[4 * i + 1] = rgba[4 * i + 2] = lightOnDark ? 255 - grey : grey
  }
  return digitPicture(rgba, side, side)
}

/** Mean difference in levels of 255, of which a digit has 33 on average. A pixel's shift is none: the centre of mass is rounded. */
const apart = (a: Uint8Array, b: Uint8Array): number => {
  let least = Infinity
  for (const shift of [0, -1, 1, -28, 28, -29, -27, 27, 29])
    least = Math.min(least, a.reduce((sum, value, i) => sum + Math.abs(value - (b[i + shift] ?? 0)), 0) / a.length)
  return least
}

const random = new MersenneTwister(1)
const uniform = () => random.next() / 2 ** 32
const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())

const scenes: Record<string, (x: number, y: number, before: number) => number> = {
  'a slanted box around it': (x, y, before) => {
    const [across, down] = [x + 0.05 * y, y - 0.05 * x]
    const border = Math.min(across - 45, down - 35, 230 - across, 205 - down)
    return border >= 0 && border < 3 ? 0 : before
  },
  'a line under it': (x, y, before) => (x >= 60 && x < 200 && y >= 205 && y < 209 ? 0 : before),
  'light that falls from one side': (x, _y, before) => before * (1 - (0.4 * x) / side),
  'dark corners': (x, y, before) => before * (1 - 0.25 * ((x / 120 - 1) ** 2 + (y / 120 - 1) ** 2)),
  'a table below and at the left': (x, y, before) => (x < 40 || y > 220 ? 70 : before),
  'something round in a corner': (x, y, before) => (x * x + y * y < 1600 ? 40 : before),
  'grains of salt and pepper': (x, y, before) => [0, 255][[3, 5].indexOf((x * 7919 + y * 104_729) % 499)] ?? before,
  noise: (_x, _y, before) => 0.8 * before + 12 * normal(),
}

describe('what is no digit is left out', () => {
  test.each(Object.keys(scenes))('%s', (name) => {
    for (let i = 0; i < 20; i++) {
      const page = pageOf(digit(i), 75, 80)
      const clean = found(page)
      const scene = changed(page, scenes[name] ?? (() => NaN))
      for (const lightOnDark of [false, true]) {
        const { form, doubt } = found(scene, lightOnDark)
        expect(apart(form, clean.form), `${i}`).toBeLessThan(10)
        expect(doubt).toBeUndefined()
      }
    }
  })

  test('a table that is larger than the sheet on it', () => {
    for (let i = 0; i < 20; i++) {
      const page = pageOf(digit(i), 60, 62)
      for (const table of [60, 120]) {
        const scene = changed(page, (x, y, before) => (Math.min(x, y) < 52 || Math.max(x, y) > 184 ? table : before))
        expect(apart(found(scene).form, found(page).form), `${i} on ${table}`).toBeLessThan(10)
      }
    }
  })
})

test('two digits in one picture are said', () => {
  let said = 0
  for (let i = 0; i < 20; i++) {
    const [left, right] = [pageOf(digit(i), 0, 60), pageOf(digit(i + 1), 125, 60)]
    if (found(left.map((value, at) => Math.min(value, right[at] ?? 255))).doubt !== undefined) said++
    expect(found(left).doubt).toBeUndefined()
  }
  expect(said).toBeGreaterThanOrEqual(18)
})

test('without a digit there is none', () => {
  const page = new Float32Array(side * side).fill(240)
  const pages: Record<string, Page> = {
    'an empty page': page,
    noise: changed(page, () => 200 + 10 * normal()),
    'strong noise': changed(page, () => 128 + 40 * normal()),
    'any shade anywhere': changed(page, () => 255 * uniform()),
    'a page half in the shade': changed(page, (x) => (x < 90 ? 100 : 250)),
    'light from one side': changed(page, (x) => 255 - x / 3),
    'lined paper': changed(page, (_x, y) => (y % 24 < 2 ? 150 : 255)),
    dust: changed(page, (x, y) => ((x === 50 && y === 70) || (x === 200 && y === 20) ? 0 : 255)),
  }
  for (const [name, each] of Object.entries(pages)) expect(() => found(each), name).toThrow(DataError)
})
