// What the command says of itself, of pictures and of data.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeTrainedPlace, type Workplace } from './testing/command'

let place: Workplace
let folder = ''
let digits = ''

beforeAll(async () => {
  place = await makeTrainedPlace('cli')
  folder = place.folder
  digits = join(folder, 'digits')
})
afterAll(() => place.remove())

/** Within this process: what is tested is what the command says and writes. */
const here: Workplace['here'] = (args) => place.here(args)
const json = (text: string): unknown => JSON.parse(text)

describe('help', () => {
  test.each([
    [],
    ['data'],
    ['data', 'fetch'],
    ['data', 'verify'],
    ['data', 'info'],
    ['report'],
    ['show'],
    ['serve'],
    ['train'],
    ['evaluate'],
    ['predict'],
    ['convert'],
    ['compare'],
    ['parity'],
    ['backends'],
  ])('%s %s', async (...words) => {
    const args = [...words.filter((word) => typeof word === 'string'), '--help']
    const { code, out, err } = await here(args)
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('Usage: digitlab')
  })
})

test('predict says what can be said of the pictures that are there', async () => {
  const png = join(folder, 'digit.png')
  const shown = await here(['show', '--dataset', digits, '--count', '1', '--out', png])
  expect(shown.code, shown.err).toBe(0)
  const { code, out, err } = await here(['predict', 'first', 'nowhere.png', png, 'first/run.json', '--json'])
  expect(code).toBe(1)
  const { predictions, unread } = json(out) as { predictions: { image: string }[]; unread: { image: string }[] }
  expect(predictions.map(({ image }) => image)).toEqual([png])
  expect(unread.map(({ image }) => image)).toEqual(['nowhere.png', 'first/run.json'])
  expect(err).toContain('nowhere.png')
  const none = await here(['predict', 'first', 'nowhere.png'])
  expect([none.code, none.out]).toEqual([1, ''])
})

test('show draws digits in the terminal and in a PNG', async () => {
  const { code, out, err } = await here(['show', '--dataset', digits, '--count', '6', '--out', 'grid.png'])
  expect(code, err).toBe(0)
  expect(out).toMatch(/[@#%]{2}/)
  expect(out).not.toContain('\u001b')
  const png = await readFile(join(folder, 'grid.png'))
  expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47])
  const again = await here(['show', '--dataset', digits, '--count', '6', '--json'])
  expect((json(again.out) as { labels: string[] }).labels).toHaveLength(6)
})

test('backends and data say what there is', async () => {
  expect(
    (json((await here(['backends', '--json'])).out) as { backends: { id: string; usable: boolean }[] }).backends,
  ).toMatchObject([
    { id: 'cuda' },
    { id: 'wasm', usable: true },
    { id: 'cpu', usable: true },
    { id: 'webgpu' },
    { id: 'tfjs-node-gpu' },
    { id: 'node' },
  ])
  const { datasets } = json((await here(['data', 'info', '--json'])).out) as {
    datasets: { name: string; origin: string | null }[]
  }
  expect(datasets.map(({ name, origin }) => [name, origin])).toEqual([
    ['mnist', null],
    ['fashion-mnist', null],
    ['kmnist', null],
    ['qmnist', null],
  ])
  const verified = await here(['data', 'verify', 'mnist'])
  expect(verified.code).toBe(1)
  expect(verified.out.match(/^missing/gm)).toHaveLength(4)
})

test('what steers a terminal does not get there from files of others, nor from the command line', async () => {
  const steering = String.raw`x\u001b[2J\u001b]0;title\u0007\u009b31m\u007f\u202e`
  await writeFile(
    join(folder, 'esc.json'),
    `{"name":"m","input":[28,28,1],"layers":[{"type":"${steering}"}],"${steering}":1}`,
  )
  const raw = JSON.parse(`"${steering}"`) as string
  for (const args of [
    ['train', '--model', 'esc.json', '--dataset', digits],
    ['train', '--model', 'linear', '--dataset', raw],
    ['evaluate', raw],
    ['report', raw, '--json'],
    [`--${raw}`],
    ['data', 'fetch', raw],
  ]) {
    const { code, out, err } = await here(args)
    expect([1, 2], err).toContain(code)
    // eslint-disable-next-line no-control-regex -- these are what is looked for
    expect(out + err, args.join(' ')).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/)
    expect(err).toContain(String.raw`\u001b[2J`)
  }
  const long = await here(['train', '--model', 'linear', '--dataset', 'x'.repeat(100_000)])
  expect(long.err.length).toBeLessThan(2000)
  expect(long.err).toMatch(/^digitlab: there is no data set .* … .*or give a folder, a file such as mnist.npz/m)
})
