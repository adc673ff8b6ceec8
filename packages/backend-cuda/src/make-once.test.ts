import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { makeOnce } from '../standin/make-once'

const folder = mkdtempSync(join(tmpdir(), 'digitlab-once-'))
const file = join(folder, 'made')
const lock = `${file}.lock`
let made = 0
const make = () => {
  made++
  expect(readFileSync(lock, 'utf8')).toBe(String(process.pid))
  writeFileSync(file, 'by us')
}

beforeEach(() => {
  made = 0
  for (const path of [file, lock]) rmSync(path, { force: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a file is made once', () => {
  makeOnce(file, make)
  makeOnce(file, make)
  expect([made, existsSync(lock)]).toEqual([1, false])
})

test('a file that a living process makes is waited for', async () => {
  writeFileSync(lock, String(process.ppid))
  const program = `const { rmSync, writeFileSync } = require('node:fs')
setTimeout(() => { writeFileSync(${JSON.stringify(file)}, 'by another'); rmSync(${JSON.stringify(lock)}, { force: true }) }, 150)`
  const ended = once(new Worker(program, { eval: true }), 'exit')
  makeOnce(file, make)
  await ended
  expect([made, readFileSync(file, 'utf8')]).toEqual([0, 'by another'])
})

test('what a process left that is gone is in nobody’s way, nor is a making that failed', () => {
  writeFileSync(lock, String(spawnSync(process.execPath, ['--version']).pid))
  const fail = () => {
    throw new Error('no compiler')
  }
  expect(() => makeOnce(file, fail)).toThrow('no compiler')
  makeOnce(file, make)
  expect([made, existsSync(lock)]).toEqual([1, false])
})
