import { expect, test } from 'vitest'
import { stickyTop } from './sticky'

const room = { window: 900, upper: 64, below: 16 }

test('a panel that has room sticks by its upper edge', () => {
  for (const by of [-500, -1, 0, 1, 500]) expect(stickyTop(64, by, { ...room, height: 820 })).toBe(64)
})

test('one that is taller goes with the page until an edge is in sight', () => {
  const tall = { ...room, height: 1000 }
  let top = 64
  const tops = [100, 50, 100, 0, -60, -500, 30].map((by) => (top = stickyTop(top, by, tall)))
  expect(tops).toEqual([-36, -86, -116, -116, -56, 64, 34])
})

test('one that has grown or shrunk stays where it is until the page is scrolled, and moves no further than that', () => {
  expect(stickyTop(64, 0, { ...room, height: 1500 })).toBe(64)
  expect(stickyTop(-116, 0, { ...room, height: 300 })).toBe(-116)
  expect(stickyTop(-116, 10, { ...room, height: 300 })).toBe(-106)
  expect(stickyTop(-116, -10, { ...room, height: 300 })).toBe(-106)
  expect(stickyTop(-116, 1000, { ...room, height: 300 })).toBe(64)
})
