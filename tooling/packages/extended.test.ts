// A layer, an optimizer, a schedule, a loss, an augmentation, a metric and a backend of somebody else's, in a folder outside this workspace: strict
// TypeScript on the packages as built, a training with all of them, its resumption to the bit, and its report.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './published'

const sources = join(import.meta.dirname, 'extended')
const pieces = readdirSync(sources).filter((name) => name !== 'main.ts')
const tsc = join(root, 'node_modules/@typescript/native/bin/tsc')
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'digitlab-extended-'))
  mkdirSync(join(folder, 'node_modules/@digitlab'), { recursive: true })
  for (const name of ['backend-cpu', 'backends', 'data', 'models', 'report', 'train'])
    symlinkSync(join(root, 'packages', name), join(folder, 'node_modules/@digitlab', name), 'dir')
  for (const name of readdirSync(sources)) {
    const text = readFileSync(join(sources, name), 'utf8')
    // As Node wants the names of modules.
    writeFileSync(join(folder, name), text.replace(/from '\.\/([a-z]+)'/g, "from './$1.js'"))
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true }))
  const compilerOptions = {
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: true },
    ...{ target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2023', 'dom'], types: [] },
    ...{ outDir: 'out', rootDir: '.' },
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('each of them is a file of at most forty lines', () => {
  expect(pieces).toEqual([
    'augmentation.ts',
    'backend.ts',
    'layer.ts',
    'loss.ts',
    'metric.ts',
    'optimizer.ts',
    'schedule.ts',
  ])
  for (const name of pieces) expect(readFileSync(join(sources, name), 'utf8').split('\n').length, name).toBeLessThan(41)
})

test('they compile strictly, train, go on to the bit, and are drawn', () => {
  const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  try {
    run(tsc)
  } catch (error) {
    expect.fail((error as { stdout: string }).stdout)
  }
  cpSync(join(folder, 'package.json'), join(folder, 'out/package.json'))
  const told = JSON.parse(run('out/main.js').trim().split('\n').at(-1) ?? '') as {
    readonly losses: readonly number[]
    readonly accuracy: number
    readonly custom: Readonly<Record<string, number>>
  }
  expect(told).toMatchObject({ backend: 'delegating', resumed: [true, true], page: true })
  expect(told.losses).toHaveLength(2)
  expect(told.losses[1]).toBeLessThan(told.losses[0] ?? 0)
  expect(told.custom['topTwo']).toBeGreaterThan(told.accuracy)
})
