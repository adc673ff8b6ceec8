// A table of runs: filtered, sorted, grouped, written for other programs; and the page of a sweep.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Spread } from '@digitlab/sweep'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'

let place: Workplace
const at = (...names: readonly string[]) => join(place.folder, ...names)
const runs = async (...args: readonly string[]) => {
  const { code, out, err } = await place.command(['runs', ...args])
  expect(code, err).toBe(0)
  return out
}
interface Listed {
  readonly runs: readonly Readonly<Record<string, string | number | null>>[]
}
const list = async (...args: readonly string[]) => (JSON.parse(await runs(...args, '--json')) as Listed).runs

beforeAll(async () => {
  place = await makeWorkplace('runs', { trainCount: 300, testCount: 50 })
  const plan = ['--models', 'linear,two-layer', '--learning-rate', '0.05,0.1', '--seeds', '0..1', '--epochs', '2']
  const { code, err } = await place.digitlab(['sweep', ...plan, '--dataset', './digits', '--out', 'runs/s1'])
  expect(code, err).toBe(0)
})
afterAll(() => place.remove())

test('lists what tells the runs apart, and how good they are', async () => {
  const [heading = '', , ...lines] = (await runs()).split('\n')
  expect(heading.split(/\s{2,}/)).toEqual([
    'folder',
    'model',
    'seed',
    'learningRate',
    'testAccuracy',
    'testLoss',
    'secondsPerEpoch',
  ])
  expect(lines.filter((line) => line.startsWith('runs/s1/runs/'))).toHaveLength(8)
  expect(lines).toContain('8 of 8 runs')
})

test('filters and sorts by any field, named by its last part', async () => {
  const found = await list(
    'runs/s1',
    '--where',
    'model=linear and learningRate>0.06',
    '--sort',
    'testLoss',
    '--descending',
  )
  expect(found.map((run) => [run['model'], run['optimizer.learningRate']])).toEqual([
    ['linear', 0.1],
    ['linear', 0.1],
  ])
  expect(Number(found[0]?.['testLoss'])).toBeGreaterThanOrEqual(Number(found[1]?.['testLoss']))
  expect(await list('--limit', '3')).toHaveLength(3)
})

test('groups all but the seed, with mean, deviation, interval and n', async () => {
  const { groups } = JSON.parse(await runs('--group', '--sort', 'testAccuracy', '--descending', '--json')) as {
    groups: readonly { settings: Record<string, unknown>; seeds: readonly number[]; spreads: Record<string, Spread> }[]
  }
  expect(groups).toHaveLength(4)
  const all = await list()
  for (const { settings, seeds, spreads } of groups) {
    expect(seeds).toEqual([0, 1])
    const values = all
      .filter(
        (run) =>
          run['model'] === settings['model'] && run['optimizer.learningRate'] === settings['optimizer.learningRate'],
      )
      .map((run) => Number(run['testAccuracy']))
    expect(spreads['testAccuracy']?.mean).toBeCloseTo((values[0]! + values[1]!) / 2, 12) // two seeds
    expect(spreads['testAccuracy']?.n).toBe(2)
  }
  const means = groups.map(({ spreads }) => spreads['testAccuracy']?.mean ?? NaN)
  expect(means).toEqual([...means].sort((a, b) => b - a))
  expect(await runs('--group')).toContain('95 % interval')
})

test('says what differs between two runs', async () => {
  const { differences } = JSON.parse(await runs('--where', 'model=linear and seed=0', '--diff', '--json')) as {
    differences: readonly { field: string; a: unknown; b: unknown }[]
  }
  expect(differences[0]).toEqual({ field: 'optimizer.learningRate', a: 0.05, b: 0.1 })
  const { code, err } = await place.command(['runs', '--diff'])
  expect([code, err]).toEqual([
    1,
    'digitlab: --diff compares two runs, not 8: name two folders, or narrow them down with --where\n',
  ])
})

test('DuckDB reads the Parquet and the CSV as they are', async () => {
  await runs('--csv', 'table.csv', '--parquet', 'table.parquet')
  const expected = await list()
  const connection = await (await DuckDBInstance.create()).connect()
  for (const file of ['table.csv', 'table.parquet']) {
    const reader = await connection.runAndReadAll(
      `select model, "optimizer.learningRate" as rate, seed, "testAccuracy" as accuracy, id from '${at(file)}'`,
    )
    const rows = reader
      .getRowObjectsJS()
      .map((row) => [row['model'], Number(row['rate']), Number(row['seed']), Number(row['accuracy']), row['id']])
    expect(rows, file).toEqual(
      expected.map((run) => [run['model'], run['optimizer.learningRate'], run['seed'], run['testAccuracy'], run['id']]),
    )
  }
  const types = await connection.runAndReadAll(`describe select "testLoss", model from '${at('table.parquet')}'`)
  expect(types.getRowObjectsJS().map((row) => row['column_type'])).toEqual(['DOUBLE', 'VARCHAR'])
  connection.closeSync()
  const again = await place.command(['runs', '--csv', 'table.csv'])
  expect(again.err).toContain('table.csv is there already')
})

test('an index saves reading, and is written again when in doubt', async () => {
  const index = at('runs', '.digitlab-runs.json')
  const before = await list()
  const written = await stat(index)
  expect(await list()).toEqual(before)
  expect((await stat(index)).mtimeMs).toBe(written.mtimeMs)
  // A run that changed, one that is gone, one that is new, an index that is none.
  const folder = String(before[0]?.['folder'])
  const text = await readFile(at(folder, 'run.json'), 'utf8')
  await writeFile(at(folder, 'run.json'), text.replace('"status": "completed"', '"status": "interrupted"'))
  expect((await list())[0]?.['status']).toBe('interrupted')
  await mkdir(at('runs', 'more', 'one'), { recursive: true })
  await writeFile(at('runs', 'more', 'one', 'run.json'), text)
  await rm(at(folder), { recursive: true })
  expect((await list()).map((run) => run['folder'])).toEqual([
    'runs/more/one',
    ...before.slice(1).map((run) => run['folder']),
  ])
  await writeFile(index, '{"version":1,"runs":[["')
  expect(await list()).toHaveLength(8)
  await rm(at('runs', 'more'), { recursive: true })
  await mkdir(at(folder))
  await writeFile(at(folder, 'run.json'), text)
  expect(await list()).toEqual(before)
})

test('the losses of the steps, most of what a run holds, are not parsed for a row', async () => {
  const [first] = await list()
  const run = at(String(first?.['folder']), 'run.json')
  const text = await readFile(run, 'utf8')
  await writeFile(run, text.replace(/"stepLosses": \[/, '$& no number,'))
  expect((await list())[0]).toEqual(first)
  await writeFile(run, text)
})

test.each([
  [['nowhere'], 'there is no folder nowhere'],
  [['digits'], 'digits holds no run'],
  [['runs', 'runs/s1'], 'runs/s1 is named twice, or lies in another folder'],
  [['--where', 'model='], 'where a value was expected'],
  [['--where', 'rate>1'], 'no run has a field "rate"'],
  [['--sort', 'name2'], 'no run has a field "name2"'],
])('refuses %j', async (args, said) => {
  const { code, err } = await place.command(['runs', ...args])
  expect(err).toContain(said)
  expect(code).toBe(1)
})

test('the page of a sweep holds every run, and says that it was chosen by the test images', async () => {
  const { code, out, err } = await place.command(['sweep', 'report', 'runs/s1'])
  expect(code, err).toBe(0)
  expect(out).toContain('all 8 runs on one page: runs/s1/report.html')
  expect(out).toContain('chosen by the test images')
  const page = await readFile(at('runs', 's1', 'report.html'), 'utf8')
  const data = JSON.parse(/<script type="application\/json" id="runs">([^<]*)</.exec(page)?.[1] ?? '') as {
    rows: readonly unknown[]
    varying: readonly string[]
  }
  expect(data.rows).toHaveLength(8)
  expect(data.varying).toEqual(['model', 'seed', 'optimizer.learningRate'])
})
