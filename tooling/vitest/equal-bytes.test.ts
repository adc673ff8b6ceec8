import { expect, test, vi } from 'vitest'
import { equalBytes } from './equal-bytes.ts'

test('bytes that are the same are equal, wherever they lie', () => {
  const shifted = new Uint8Array([9, 1, 2, 3]).subarray(1)
  expect(equalBytes(shifted, new Uint8Array([1, 2, 3]))).toBe(true)
  expect({ some: [shifted] }).toEqual({ some: [new Uint8Array([1, 2, 3])] })
  expect(new Float32Array([NaN, -0])).toEqual(new Float32Array([NaN, -0]))
})

test('anything else is left to expect', () => {
  const pairs: [unknown, unknown][] = [
    [new Uint8Array([1, 2]), new Uint8Array([1, 3])],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2, 3])],
    [new Uint8Array(4), new Float32Array(1)],
    [Buffer.from([1]), new Uint8Array([1])],
    [new Float32Array([0]), new Float32Array([-0])],
    ['ab', 'ab'],
    [[1], [1]],
  ]
  for (const [a, b] of pairs) expect(equalBytes(a, b)).toBeUndefined()
  expect(new Uint8Array([1, 2])).not.toEqual(new Uint8Array([1, 3]))
  expect(new Float32Array([0])).not.toEqual(new Float32Array([-0]))
})

test('every test compares so: the elements of what is equal are not visited', () => {
  const bytes = new Uint8Array([1, 2, 3])
  const visited = vi.fn(() => [][Symbol.iterator]())
  Object.defineProperty(bytes, Symbol.iterator, { value: visited })
  expect(bytes).toEqual(new Uint8Array([1, 2, 3]))
  expect(visited).not.toHaveBeenCalled()
})
