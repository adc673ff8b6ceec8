// A run as a folder for Hugging Face: what its card says is what the run says, and its weights are the run's.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseRun } from '@digitlab/train'
import { readSafetensors } from '@digitlab/weights'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { runHere } from './testing/in-process'

let folder = ''
const here = (...args: string[]) => runHere(folder, args, { DIGITLAB_DATA: '', DIGITLAB_MIRROR: 'http://127.0.0.1:2' })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'digitlab-card-'))
  const data = ['--dataset', 'strokes#limit=200', '--epochs', '1', '--seed', '3', '--normalize', '0.1307,0.3081']
  const { code, err } = await here('train', '--model', 'linear', ...data, '--no-report', '--out', 'run')
  expect([code, err]).toEqual([0, expect.any(String)])
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = () => parseRun(readFileSync(join(folder, 'run', 'run.json'), 'utf8'))
const weightsOf = async (...path: string[]) => readSafetensors(await readFile(join(folder, ...path))).weights

test('convert --card writes a folder whose card has what the run has', async () => {
  const { code, err } = await here('convert', 'run', 'card', '--card', '--license', 'cc-by-4.0')
  expect([code, err]).toEqual([0, ''])
  const names = await readdir(join(folder, 'card'), { recursive: true })
  expect(names.toSorted()).toEqual(
    ['README.md', 'figures', 'model.onnx', 'model.safetensors', 'run.json']
      .concat(['accuracy.png', 'confusion.png'].map((name) => join('figures', name)))
      .toSorted(),
  )
  const card = readFileSync(join(folder, 'card', 'README.md'), 'utf8')
  const [, front = '', body = ''] = /^---\n([^]*?)\n---\n([^]*)$/.exec(card) ?? []
  const { metrics, id } = run()
  expect(parse(front)).toEqual({
    license: 'cc-by-4.0',
    library_name: 'digitlab',
    pipeline_tag: 'image-classification',
    metrics: ['accuracy'],
    tags: ['onnx', 'safetensors', 'strokes'],
    'model-index': [
      {
        name: 'linear',
        results: [
          {
            task: { type: 'image-classification' },
            dataset: { name: run().dataset.title, type: 'strokes', split: 'test' },
            metrics: [
              { type: 'accuracy', value: metrics.accuracy },
              { type: 'loss', name: 'cross-entropy, in nats', value: metrics.meanLoss },
            ],
          },
        ],
      },
    ],
    seed: 3,
    experiment: id,
  })
  for (const [, target = ''] of body.matchAll(/\]\((figures[^)]+)\)/g)) expect(names).toContain(join(target))
  expect(body).toContain('| parameters | 7,850 |')
  expect(body).toContain('(pixel / 255 - 0.1307) / 0.3081')
  expect(await weightsOf('card', 'model.safetensors')).toEqual(await weightsOf('run', 'weights.safetensors'))
})

test('the weights of a card and its run.json work as the card says', async () => {
  await here('convert', 'run', 'used', '--card')
  const again = ['--experiment', join('used', 'run.json'), '--no-report', '--out', 'again']
  expect((await here('train', ...again, '--backend', run().backend.id)).code).toBe(0)
  expect(await weightsOf('again', 'weights.safetensors')).toEqual(await weightsOf('used', 'model.safetensors'))
  const said = await here('evaluate', join('used', 'model.safetensors'), '--dataset', 'strokes#limit=200', '--json')
  expect(JSON.parse(said.out)).toMatchObject({ metrics: { accuracy: run().metrics.accuracy } })
})

test('a card is of a run, and never written over another', async () => {
  const alone = await here('convert', join('run', 'weights.safetensors'), 'none', '--card')
  expect(alone.code).toBe(1)
  expect(alone.err).toContain('is not a run, and a card tells how a model was trained: give the folder of a run')
  await here('convert', 'run', 'twice', '--card')
  const twice = await here('convert', 'run', 'twice', '--card')
  expect(twice.code).toBe(1)
  expect(twice.err).toContain('is there already, and is never overwritten')
})
