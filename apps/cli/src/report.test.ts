// The built command's reports, as a user asks for them.
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { strokes } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import { parseRun } from '@digitlab/train'
import { readSafetensors } from '@digitlab/weights'
import { afterAll, beforeAll, expect, test } from 'vitest'

const bin = fileURLToPath(new URL('../bin/digitlab.js', import.meta.url))
let folder = ''

const digitlab = (...args: string[]) => {
  const env = { ...process.env, DIGITLAB_DATA: '', DIGITLAB_CACHE: join(folder, 'cache') }
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd: folder, env, encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-report-'))
  await mkdir(join(folder, 'digits'))
  const { train, test } = await strokes({ trainCount: 600, testCount: 100 })
  for (const [name, { images, labels, count }] of Object.entries({ train, t10k: test })) {
    const write = (file: string, shape: number[], data: Uint8Array) =>
      writeFile(join(folder, 'digits', `${name}-${file}`), writeIdx({ type: 'uint8', shape, data }))
    await write('images-idx3-ubyte', [count, 28, 28], images)
    await write('labels-idx1-ubyte', [count], labels)
  }
  const args = ['--dataset', 'digits', '--epochs', '1', '--tensorboard', 'board']
  for (const model of ['linear', 'cnn']) {
    const out = `drawn-${model}`
    const { code, out: said, err } = digitlab('train', '--model', model, ...args, '--out', out)
    expect(code, err).toBe(0)
    expect(said).toContain(`(its figures to ${join(out, 'report.html')})`)
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

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
  const again = digitlab(...args, '--data-dir', 'digits')
  expect(again.code, again.err).toBe(0)
  expect(await readFile(join(folder, 'drawn-cnn', 'report.html'), 'utf8')).toBe(page)
  expect((await readdir(join(folder, 'drawn-cnn', 'figures'))).sort()).toEqual([
    'after.png',
    'after.svg',
    'loss.png',
    'loss.svg',
  ])
  const both = digitlab('report', 'drawn-linear', 'drawn-cnn', '--format', 'html,md,json', '--out', 'both', '--json')
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
  for (const place of [folder, 'the folder digits']) expect(html).not.toContain(place)
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
    const { code, err } = digitlab(...args, ...more)
    expect(code, err).toBe(0)
    for (const ending of ['html', 'md', 'json']) {
      const text = await readFile(join(folder, 'somebody', `report.${ending}`), 'utf8')
      for (const word of [secret, folder, 'diary', 'the folder']) expect(text).not.toContain(word)
    }
    expect(err).toContain(more.length === 0 ? 'which is only read where --data-dir names it' : '(diary-2026.txt)')
  }
  expect(await readFile(join(folder, 'somebody', 'report.html'), 'utf8')).toContain('the data set was not at hand')
  expect(digitlab('show', 'somebody').err).not.toContain('diary')
  digitlab(...args, '--data-dir', 'digits')
  expect(await readFile(join(folder, 'somebody', 'report.html'), 'utf8')).toContain('data-figure="mistakes"')
})

test('says what is missing, and draws the rest', async () => {
  await mkdir(join(folder, 'bare'))
  for (const name of ['run.json', 'weights.safetensors'])
    await writeFile(join(folder, 'bare', name), await readFile(join(folder, 'drawn-linear', name)))
  const { code, err } = digitlab('report', 'bare')
  expect(code).toBe(0)
  expect(err).toContain('bare: the run has no predictions.safetensors')
  expect(await readFile(join(folder, 'bare', 'report.html'), 'utf8')).toContain('data-figure="confusion"')
  expect(digitlab('show', 'bare').err).toContain("bare can't be shown: the run has no predictions")
  await writeFile(
    join(folder, 'bare', 'predictions.safetensors'),
    await readFile(join(folder, 'drawn-cnn', 'predictions.safetensors')),
  )
  expect(digitlab('report', 'bare').err).toContain('put the files of one run together')
})

test('show draws what a run took the first images for', async () => {
  const { code, out, err } = digitlab('show', 'drawn-cnn', '--count', '4', '--data-dir', 'digits')
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
  const { code, err } = digitlab('train', '--model', 'linear', ...args, ...scheduled)
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
  const { code, err } = digitlab(
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
