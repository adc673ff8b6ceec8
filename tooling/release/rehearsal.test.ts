import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { compiled } from '../vitest/compiled'
import { takePage } from './rehearsal/command'
import { beside, keepNotes, type Notes, type Rehearsal, type Result } from './rehearsal/parts'
import { supportDocument, supportPart, supportText } from './rehearsal/publish-support'
import { sizesPart } from './rehearsal/sizes'
import { holds, supportTable, toText } from './rehearsal/table'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const script = await compiled(join(here, 'rehearse.ts'))
/** Starts a rehearsal whose temporary folders go where the test can look. */
const start = (temporary: string, ...flags: string[]) => {
  const env = { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary }
  const child = spawn(process.execPath, [script, ...flags], { env })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, ended, said: () => said }
}

const builtHere = existsSync(join(root, 'apps', 'cli', 'dist'))

describe('a rehearsal', () => {
  test('publishes all, is taken by another team, and an update arrives', { timeout: 300_000 }, async ({ skip }) => {
    if (!builtHere) return skip('the packages are not built: run "npm run build"')
    const temporary = await mkdtemp(join(tmpdir(), 'digitlab-rehearsal-test-'))
    try {
      const json = join(temporary, 'rehearsal.json')
      const all = process.env['DIGITLAB_ALL'] === '1' ? ['--packages', 'all'] : []
      const { ended, said } = start(temporary, '--quick', ...all, '--json', json)
      const status = await ended
      if (status === 0 && !existsSync(json)) return skip('the npm registry is not reachable')
      expect(status, said()).toBe(0)
      const { results } = JSON.parse(await readFile(json, 'utf8')) as Rehearsal
      expect(results.map(({ outcome }) => outcome)).toEqual(results.map(() => 'works'))
      expect(results.map(({ part, what }) => `${part}: ${what}`)).toEqual([
        'publish: a tree with changes is refused',
        'publish: the registry refuses one in the middle',
        'publish: run again to the end, in the order of dependencies',
        'idx, npm: installed',
        'idx, npm: ESM',
        'idx, npm: CommonJS',
        'update: installed by its old versions',
        'update: a minor version takes along what depends on it',
        'update: every published range takes the newest of what it names',
        'update: npm update brings it with its dependants, once',
      ])
      expect(await readdir(temporary), 'what it left behind').toEqual(['rehearsal.json'])
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  })

  test('cleans up when it is interrupted', async ({ skip }) => {
    if (process.platform === 'win32') return skip('Windows has no SIGINT that one process sends to another')
    const temporary = await mkdtemp(join(tmpdir(), 'digitlab-rehearsal-test-'))
    try {
      const { child, ended, said } = start(temporary, '--quick')
      const copying = new Promise<void>((resolve) => {
        child.stderr.on('data', () => said().includes('copying the tree') && resolve())
      })
      await Promise.race([copying, ended])
      if (said().includes('skipped')) return skip('the npm registry is not reachable')
      child.kill('SIGINT')
      expect(await ended, said()).toBe(130)
      expect(await readdir(temporary)).toEqual([])
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  })

  test('without a registry it is skipped, in a sentence', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'digitlab-rehearsal-test-'))
    try {
      const env = { ...process.env, npm_config_registry: 'http://127.0.0.1:9/' }
      const child = spawn(process.execPath, [script], {
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let said = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
      expect(said).toMatch(/^rehearse: skipped, the registry that npm is configured for is needed .*cannot be reached/)
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  })
})

test('the page is taken from the command, which is ended then', { timeout: 60_000 }, async ({ skip }) => {
  if (!builtHere) return skip('the packages are not built: run "npm run build"')
  const command = [process.execPath, join(root, 'apps', 'cli', 'bin', 'digitlab.js')]
  expect(await takePage(command, { cwd: tmpdir() })).toMatch(/^the page and \d+ files, \d+ kB$/)
})

test('what is tried beside one another stands in its order, two at a time', async () => {
  const notes = keepNotes(() => undefined)
  const ends: (() => void)[] = []
  const log: string[] = []
  const slow = (what: string) => () => {
    log.push(what)
    return new Promise<void>((resolve) => ends.push(resolve))
  }
  const works = ['a', 'b', 'c'].map((part) => async ({ attempt }: Notes) => {
    await attempt(part, 'first', slow(part))
    await attempt(part, 'second', () => void log.push(`${part} again`))
  })
  await notes.attempt('before', 'all', () => undefined)
  const done = beside(notes, works)
  expect(log).toEqual(['a', 'b'])
  while (ends.length > 0) {
    ends.shift()?.()
    await new Promise(setImmediate)
  }
  await done
  expect(notes.results().map(({ part, what }) => `${part} ${what}`)).toEqual([
    'before all',
    ...['a', 'b', 'c'].flatMap((part) => [`${part} first`, `${part} second`]),
  ])
})

test('what failed fails the whole only where it was promised', () => {
  const one = (outcome: Result['outcome'], required: boolean): Result => ({
    part: 'Bun 1.4',
    what: 'idx',
    outcome,
    required,
    seconds: 1.25,
    ...(outcome === 'works' ? {} : { detail: 'a reason\nand its stack' }),
  })
  const of = (...results: Result[]) => ({ results, seconds: 61.2 })
  expect(holds(of(one('works', true), one('fails', false), one('skipped', true)))).toBe(true)
  expect(holds(of(one('works', true), one('fails', true)))).toBe(false)
  expect(holds(of())).toBe(false)
  expect(toText(of(one('works', true), one('fails', true), one('fails', false)))).toBe(
    [
      'Bun 1.4  idx  works        1.3 s',
      'Bun 1.4  idx  FAILS        1.3 s  a reason',
      'Bun 1.4  idx  does not     1.3 s  a reason',
      '',
      '1 work, 1 fail, 1 that nobody promised do not work, 0 skipped; 61 s',
    ].join('\n'),
  )
  const dry = { ...one('works', true), what: 'a dry run', detail: 'digitlab  3069.4 kB\n  What it is.\n' }
  expect(toText(of(dry))).toContain('\n\na dry run:\n\ndigitlab  3069.4 kB\n  What it is.\n\n1 work, 0 fail')
})

test('the document says what an installation brings', () => {
  const one = { part: sizesPart, outcome: 'works', required: true, seconds: 1 } as const
  const results = [
    { ...one, what: 'npm install digitlab', detail: '28.1 MB, 23 packages' },
    { ...one, what: 'npm install @digitlab/weights', detail: '2.6 MB, 4 packages' },
  ]
  const where = { date: '2026-11-26', commit: 'abc', machine: { platform: 'linux x64', node: '20.19.0' }, seconds: 2 }
  expect(supportTable({ ...where, results })).toContain(
    'Installed by npm into an empty folder: `digitlab` 28.1 MB, 23 packages; `@digitlab/weights` 2.6 MB, 4 packages.',
  )
})

test('the table of where packages run is that of the last published rehearsal', async () => {
  const path = join(root, supportDocument)
  const rehearsal = JSON.parse(readFileSync(join(here, 'results', 'rehearsal.json'), 'utf8')) as Rehearsal
  expect(supportPart(readFileSync(path, 'utf8')).part).toBe(await supportText(rehearsal))
  expect(holds(rehearsal)).toBe(true)
})
