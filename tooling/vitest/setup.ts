import { afterEach, beforeEach, expect, vi } from 'vitest'
import { equalBytes } from './equal-bytes.ts'

expect.addEqualityTesters([equalBytes])

// A warning is a defect nobody has looked at yet: a test that makes one fails, unless it spies on the console itself.
const warned: string[] = []
beforeEach(() => {
  warned.length = 0
  vi.spyOn(console, 'warn').mockImplementation((...words: unknown[]) => void warned.push(words.join(' ')))
})
afterEach(() => {
  vi.restoreAllMocks()
  expect(warned, 'warnings written during the test').toEqual([])
})
