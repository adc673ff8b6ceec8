// Reports, as a user asks for them.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRun } from '@digitlab/train'
import { readSafetensors } from '@digitlab/weights'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'
import { runHere } from './testing/in-process'

let place: Workplace
let folder = ''

/** Within this process: what is tested is what the command says and writes. */
const digitlab = (...args: string[]) => runHere(folder, args, place.environment)

beforeAll(async () => {
  place = await makeWorkplace('report', { trainCount: 600, testCount: 100 })
  folder = place.folder
  const args = ['--dataset', 'digits', '--epochs', '1', '--tensorboard', 'board']
  for (const model of ['linear', 'cnn']) {
    const out = `drawn-${model}`
    const { code, out: said, err } = await digitlab('train', '--model', model, ...args, '--out', out)
    expect(code, err).toBe(0)
    expect(said).toContain(`(its figures to ${join(out, 'report.html')})`)
  }
})
afterAll(() => place.remove())

test('train leaves a page with its figures, and the predictions that they are drawn from', async () => {
  const html = await readFile(join(folder, 'drawn-cnn', 'report.html'), 'utf8')
  for (const figure of [
    'before',
    'after',
    'loss',
    'confusion',
    'mistakes',
    'reliability',
    'first-layer',
    'feature-maps',
  ])
    expect(html).toContain(`data-figure="${figure}"`)
  const run = parseRun(await readFile(join(folder, 'drawn-cnn', 'run.json'), 'utf8'))
  const { weights } = readSafetensors(await readFile(join(folder, 'drawn-cnn', 'predictions.safetensors')))
  expect(weights.get('after')?.data).toHaveLength(run.metrics.count)
  const right = weights.get('after')?.data.filter((predicted, i) => predicted === weights.get('labels')?.data[i])
  expect(right).toHaveLength(run.metrics.correct)
  expect(html).toContain(`${(100 * run.metrics.accuracy).toFixed(2)} %`)
})

test('draws again what was asked for, of one run or of several', async () => {
  const page = await readFile(join(folder, 'drawn-cnn', 'report.html'), 'utf8')
  const args = ['report', join('drawn-cnn', 'run.json'), '--format', 'html,svg,png', '--figures', 'loss,after']
  const again = await digitlab(...args, '--data-dir', 'digits')
  expect(again.code, again.err).toBe(0)
  expect(await readFile(join(folder, 'drawn-cnn', 'report.html'), 'utf8')).toBe(page)
  expect((await readdir(join(folder, 'drawn-cnn', 'figures'))).sort()).toEqual([
    'after.png',
    'after.svg',
    'loss.png',
    'loss.svg',
  ])
  const both = await digitlab(
    'report',
    'drawn-linear',
    'drawn-cnn',
    '--format',
    'html,md,json',
    '--out',
    'both',
    '--json',
  )
  expect((JSON.parse(both.out) as { written: string[] }).written).toEqual(
    ['html', 'md', 'json'].map((ending) => join('both', `report.${ending}`)),
  )
  expect(await readFile(join(folder, 'both', 'report.html'), 'utf8')).toContain('data-figure="mcnemar"')
  expect(await readFile(join(folder, 'both', 'report.md'), 'utf8')).toContain('| linear and cnn |')
  const { pairs } = JSON.parse(await readFile(join(folder, 'both', 'report.json'), 'utf8')) as {
    pairs: { count: number }[]
  }
  expect(pairs).toMatchObject([{ count: 100 }])
})

test('a folder that a run names as its data set is not read, and a page names no place on the machine', async () => {
  const html = await readFile(join(folder, 'drawn-cnn', 'report.html'), 'utf8')
  for (const named of [folder, 'the folder digits']) expect(html).not.toContain(named)
  expect(html).toContain('from a folder of files')
  await mkdir(join(folder, 'somebody'))
  const secret = join(folder, 'secret')
  await mkdir(secret)
  await writeFile(join(secret, 'diary-2026.txt'), '')
  for (const name of ['run.json', 'weights.safetensors', 'predictions.safetensors']) {
    const bytes = await readFile(join(folder, 'drawn-linear', name))
    const text = bytes.toString('utf8').replaceAll('"dataset": "digits"', `"dataset": ${JSON.stringify(secret)}`)
    await writeFile(join(folder, 'somebody', name), name === 'run.json' ? text : bytes)
  }
  const args = ['report', 'somebody', '--format', 'html,md,json', '--json']
  for (const more of [[], ['--data-dir', secret]]) {
    const { code, err } = await digitlab(...args, ...more)
    expect(code, err).toBe(0)
    for (const ending of ['html', 'md', 'json']) {
      const text = await readFile(join(folder, 'somebody', `report.${ending}`), 'utf8')
      for (const word of [secret, folder, 'diary', 'the folder']) expect(text).not.toContain(word)
    }
    expect(err).toContain(more.length === 0 ? 'which is only read where --data-dir names it' : '(diary-2026.txt)')
  }
  expect(await readFile(join(folder, 'somebody', 'report.html'), 'utf8')).toContain('the data set was not available')
  expect((await digitlab('show', 'somebody')).err).not.toContain('diary')
  await digitlab(...args, '--data-dir', 'digits')
  expect(await readFile(join(folder, 'somebody', 'report.html'), 'utf8')).toContain('data-figure="mistakes"')
})

test('says what is missing, and draws the rest', async () => {
  await mkdir(join(folder, 'bare'))
  for (const name of ['run.json', 'weights.safetensors'])
    await writeFile(join(folder, 'bare', name), await readFile(join(folder, 'drawn-linear', name)))
  const { code, err } = await digitlab('report', 'bare')
  expect(code).toBe(0)
  expect(err).toContain('bare: the run has no predictions.safetensors')
  expect(await readFile(join(folder, 'bare', 'report.html'), 'utf8')).toContain('data-figure="confusion"')
  expect((await digitlab('show', 'bare')).err).toContain("bare can't be shown: the run has no predictions")
  await writeFile(
    join(folder, 'bare', 'predictions.safetensors'),
    await readFile(join(folder, 'drawn-cnn', 'predictions.safetensors')),
  )
  expect((await digitlab('report', 'bare')).err).toContain('put the files of one run together')
})

test('show draws what a run took the first images for', async () => {
  const { code, out, err } = await digitlab('show', 'drawn-cnn', '--count', '4', '--data-dir', 'digits')
  expect(code, err).toBe(0)
  expect(out).toMatch(/^before training: \d of 4 right\n/)
  expect(out).toMatch(/\nafter training: \d of 4 right\n/)
  expect(out.match(/T:\d P:\d/g)).toHaveLength(8)
})

test('TensorBoard gets an event file a run', async () => {
  const [name = ''] = await readdir(join(folder, 'board', 'cnn-digits-seed0'))
  expect(name).toMatch(/^events\.out\.tfevents\.\d+\./)
  const bytes = await readFile(join(folder, 'board', 'cnn-digits-seed0', name))
  for (const tag of ['brain.Event:2', 'loss/step', 'accuracy/test', 'fixed images/after training'])
    expect(bytes.includes(tag)).toBe(true)
  expect(await readdir(join(folder, 'board'))).toHaveLength(2)
})

test('with images set aside TensorBoard gets their loss after each epoch, that of the test images at the end, and the rate of every step', async () => {
  const args = ['--dataset', 'digits', '--epochs', '2', '--validation', '100', '--no-report']
  const scheduled = [
    '--schedule',
    'cosine',
    '--schedule-every',
    'step',
    '--tensorboard',
    'validated',
    '--out',
    'validated-run',
  ]
  const { code, err } = await digitlab('train', '--model', 'linear', ...args, ...scheduled)
  expect(code, err).toBe(0)
  const [name = ''] = await readdir(join(folder, 'validated', 'linear-digits-seed0'))
  const bytes = await readFile(join(folder, 'validated', 'linear-digits-seed0', name))
  const tags = bytes.toString('latin1').match(/learning rate|(?:loss|accuracy)\/[a-z]+/g) ?? []
  const counts = Object.fromEntries([...new Set(tags)].map((tag) => [tag, tags.filter((each) => each === tag).length]))
  expect(counts).toEqual({
    ...{ 'learning rate': 16, 'loss/step': 16 }, // 500 images in batches of 64, twice
    ...{ 'loss/train': 2, 'accuracy/train': 2, 'loss/validation': 2, 'accuracy/validation': 2 },
    ...{ 'loss/test': 1, 'accuracy/test': 1 },
  })
})

test('without a page, where none is wanted', async () => {
  const { code, err } = await digitlab(
    ...['train', '--model', 'linear', '--dataset', 'digits', '--epochs', '1', '--no-report', '--out', 'pageless'],
  )
  expect(code, err).toBe(0)
  expect((await readdir(join(folder, 'pageless'))).sort()).toEqual([
    'events.jsonl',
    'predictions.safetensors',
    'run.json',
    'weights.safetensors',
  ])
})
