import { describe, expect, test } from 'vitest'
import { callPart, type Claims } from './calls'
import { patienceAtBarriers } from './thread'

describe('an uneven call', () => {
  /** The ranges that threads make, one thread after another from `order`. */
  const ranges = (items: number, grain: number, uneven: number, threads: number, order: readonly number[]) => {
    const claims: Claims = { words: new Int32Array(threads + 2), at: 1 }
    const made: { readonly thread: number; readonly room: number; readonly from: number; readonly to: number }[] = []
    for (const thread of order) {
      const parameters = [5, 1000, 0, items]
      const kernel = (...[first, room, from, to]: number[]) => {
        expect(first).toBe(5)
        made.push({ thread, room: room as number, from: from as number, to: to as number })
      }
      callPart(kernel, { parameters, items, grain, stride: 64, uneven }, thread, threads, 1, claims)
      expect(parameters[1]).toBe(1000)
    }
    return made
  }

  test.each([
    [64, 1, 1, 2],
    [64, 1, 2, 3],
    [90, 1, 2, 8],
    [30, 4, 1, 3],
    [3, 1, 2, 5],
    [1, 1, 4, 2],
    [200_000, 1, 1, 64],
  ])('%i items by %i, no part below %i, on %i threads: each item is made once, by whoever is there', (...of) => {
    const [items, grain, , threads] = of
    const all = Array.from({ length: threads }, (_, i) => i)
    for (const order of [all, all.toReversed(), [threads - 1], [0]]) {
      const made = ranges(...of, order).sort((a, b) => a.from - b.from)
      expect(made.map(({ from }) => from)).toEqual([0, ...made.map(({ to }) => to).slice(0, -1)])
      expect(made.at(-1)?.to).toBe(items)
      for (const { thread, room, from } of made) expect([room, from % grain]).toEqual([1000 + 64 * thread, 0])
    }
  })

  test('is taken in halves, so that little is left for whoever comes last', () => {
    const made = ranges(64, 1, 2, 2, [0]).map(({ from, to }) => to - from)
    expect(made).toEqual([16, 8, 4, 2, 2, 16, 8, 4, 2, 2])
  })

  test('is made at once where nobody shares it', () => {
    const made: number[][] = []
    const call = { parameters: [0, 0, 64], items: 64, grain: 1, stride: 0, uneven: 1 }
    callPart((...range) => void made.push(range), call, 0, 1, 1)
    expect(made).toEqual([[0, 0, 64]])
  })
})

test('a thread looks on at a barrier until that is mostly in vain, and then tries it now and again', () => {
  const { looksOn, looked } = patienceAtBarriers()
  const meet = (times: number, came: boolean) => {
    for (let i = 0; i < times; i++) {
      expect(looksOn()).toBe(true)
      looked(came)
    }
  }
  for (let i = 0; i < 100; i++) {
    meet(6, true)
    meet(1, false)
  }
  meet(2, false)
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 1; i < 256; i++) expect(looksOn()).toBe(false)
    meet(1, false) // at once in vain again: nothing has changed
  }
  for (let i = 1; i < 256; i++) looksOn()
  meet(100, true)
})
