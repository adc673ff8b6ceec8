import { statSync } from 'node:fs'
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest'
import { tellOfEqualBytes } from './equal-bytes.ts'

tellOfEqualBytes()

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

// Where a pipe was the last file that Node looked at, its realpathSync leaves the next path as it is: a package would be loaded once more,
// by the link that pnpm has made. Any other file mends that: after a test, and after the hooks that tidied up behind the file before.
statSync('.')
afterEach(() => void statSync('.'))

// The next file of tests may run in the same process: it finds what this one found.
const ofProcess = () => ({
  folder: process.cwd(),
  environment: { ...process.env, VIPSHOME: undefined }, // sharp sets it when it is loaded
  exitCode: process.exitCode,
})
const before = ofProcess()
afterAll(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  expect(ofProcess(), 'what a file of tests leaves of its process').toEqual(before)
})
