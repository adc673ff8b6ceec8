import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blockSize, createMemoryPool } from './memory-pool'

/** Memory of a given size; an allocation beyond it is an error. */
const source = (capacity = Infinity) => {
  const blocks = new Map<number, number>()
  let [next, used, calls] = [4096, 0, 0]
  return {
    blocks,
    calls: () => calls,
    allocate(bytes: number) {
      calls++
      if (used + bytes > capacity) throw new RangeError('full')
      used += bytes
      const address = next
      next += bytes
      blocks.set(address, bytes)
      return address
    },
    free(address: number) {
      used -= blocks.get(address) ?? NaN
      blocks.delete(address)
    },
    isOutOfMemory: (error: unknown) => error instanceof RangeError,
  }
}

describe('a block', () => {
  test('is large enough, a multiple of 256, and at most an eighth too large', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (bytes) => {
        const size = blockSize(bytes)
        expect(size).toBeGreaterThanOrEqual(bytes)
        expect(size % 256).toBe(0)
        expect(size - bytes).toBeLessThan(Math.max(256, bytes / 8))
      }),
    )
  })
  test('is used again for one of its size, and never for two at a time', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), keep: fc.boolean() })), (takes) => {
        const memory = source()
        const pool = createMemoryPool(memory)
        const held = new Set<number>()
        for (const { bytes, keep } of takes) {
          const address = pool.take(bytes)
          expect(held.has(address)).toBe(false)
          expect(memory.blocks.get(address)).toBeGreaterThanOrEqual(bytes)
          if (keep) held.add(address)
          else pool.give(address)
        }
        for (const address of held) pool.give(address)
        expect(pool.usedBytes).toBe(0)
        pool.trim()
        expect(memory.blocks.size).toBe(0)
      }),
    )
  })
})

test('the same step again takes no memory from the driver', () => {
  const memory = source()
  const pool = createMemoryPool(memory)
  const step = () => [100, 70_000, 100, 3_000_000].map((bytes) => pool.take(bytes)).forEach((block) => pool.give(block))
  step()
  const calls = memory.calls()
  for (let i = 0; i < 10; i++) step()
  expect(memory.calls()).toBe(calls)
})

test('where memory runs out, what is not in use goes back first', () => {
  const pool = createMemoryPool(source(10_000))
  const block = pool.take(8000)
  expect(() => pool.take(6000)).toThrow('full')
  pool.give(block)
  pool.give(pool.take(6000))
})

test('an address that is not the pool’s is refused', () => {
  expect(() => createMemoryPool(source()).give(1)).toThrow('the address 1 was given back')
})
