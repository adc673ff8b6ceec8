// Training on changed images, as the command does it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRun } from '@digitlab/train'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'
import { holdAtEpoch, onceAtEpoch } from './testing/held-run'

let place: Workplace
const at = (...names: string[]) => join(place.folder, ...names)
const digitlab: Workplace['digitlab'] = (...all) => place.digitlab(...all)
/** Within this process: what is tested is what the command says. */
const here: Workplace['here'] = (...all) => place.here(...all)
/** Each of an epoch's images is changed anew: few of them show it. */
const [epochs, trainCount] = process.env['DIGITLAB_ALL'] === '1' ? ['40', 400] : ['12', 200]
const train = ['train', '--model', 'two-layer', '--dataset', 'digits', '--epochs', epochs, '--workers', '1']
const changed = ['--augment', 'affine:shift=2,rotate=15', '--augment', 'elastic', '--augment', 'mixup:alpha=0.4']
const augment = [
  { name: 'affine', shift: 2, rotate: 15, scale: 0, shear: 0 },
  { name: 'elastic', alpha: 34, sigma: 4 },
  { name: 'mixup', alpha: 0.4 },
]

beforeAll(async () => {
  place = await makeWorkplace('augment', { trainCount, testCount: 50 })
})
afterAll(() => place.remove())

test('a run is the same with no thread and two, goes on to the bit, and its page shows the images', async () => {
  const whole = await digitlab([...train, ...changed, '--image-workers', '0', '--out', 'whole'])
  expect(whole.code, whole.err).toBe(0)
  const held = holdAtEpoch(at('held'))
  let stopLooking = () => {}
  const stopped = await digitlab([...train, ...changed, '--image-workers', '2', '--no-report', '--out', 'stopped'], {
    env: held.env,
    onStart(child) {
      stopLooking = onceAtEpoch(at('stopped', 'events.jsonl'), () => {
        child.kill('SIGINT')
        held.letGo()
      })
    },
  })
  stopLooking()
  expect(stopped.code, stopped.err).toBe(130)
  const resumed = await digitlab(['train', '--resume', 'stopped', '--image-workers', '1', '--no-report', ...changed])
  expect(resumed.code, resumed.err).toBe(0)
  for (const file of ['weights.safetensors', 'predictions.safetensors'])
    expect(await readFile(at('stopped', file)), file).toEqual(await readFile(at('whole', file)))
  const run = parseRun(await readFile(at('whole', 'run.json'), 'utf8'))
  expect(run.experiment.augment).toEqual(augment)
  const page = await readFile(at('whole', 'report.html'), 'utf8')
  expect(page).toContain('64 training images as the first epoch saw them')
  expect(page).toContain('affine: shift 2, rotate 15')
  const again = await digitlab([
    'train',
    '--experiment',
    'whole/run.json',
    '--workers',
    '1',
    '--no-report',
    '--out',
    'again',
  ])
  expect(again.code, again.err).toBe(0)
  expect(await readFile(at('again', 'weights.safetensors'))).toEqual(await readFile(at('whole', 'weights.safetensors')))
})

test('show shows what training would see', async () => {
  const shown = async (...more: string[]) => {
    const { code, out, err } = await here(['show', '--dataset', 'digits', '--count', '6', '--out', ...more])
    expect(code, err).toBe(0)
    return out
  }
  await shown('plain.png')
  await shown('none.png', '--augment', 'affine')
  await shown('turned.png', '--augment', 'affine:rotate=30')
  const mixed = JSON.parse(await shown('mixed.png', '--augment', 'mixup:alpha=1', '--json')) as { labels: string[] }
  const [plain, none, turned] = await Promise.all(
    ['plain', 'none', 'turned'].map((name) => readFile(at(`${name}.png`))),
  )
  expect(none).toEqual(plain)
  expect(turned).not.toEqual(plain)
  expect(mixed.labels.filter((label) => /^\d \+ \d$/.test(label))).toHaveLength(6)
})

test.each<[string[], string]>([
  [['--augment', 'flip'], 'there is no augmentation "flip": choose one of affine, elastic, cutout, mixup'],
  [['--augment', 'affine:rotate=200'], 'augmentation.rotate must be a number from 0 to 180, not 200'],
  [['--augment', 'affine:rotate=a lot'], 'augmentation.rotate must be a number from 0 to 180, not "a lot"'],
  [['--augment', 'affine:rotate'], '"rotate" has no value: it must be such as shift=2'],
  [['--augment', 'affine', '--augment', 'affine'], 'augment names affine twice'],
  [['--image-workers', '65'], 'It must be an integer from 0 to 64.'],
])('%j is refused', async (options, sentence) => {
  const { code, err } = await here([...train, ...options])
  expect(code).toBe(2)
  expect(err).toContain(sentence)
})

test('what does not fit the images, or would change test images, is refused with both values', async () => {
  const wide = await here([...train, '--augment', 'affine:shift=28', '--out', 'wide'])
  expect(wide.err).toContain('the augmentation affine shifts by up to 28 pixels, the images are 28 x 28')
  expect(wide.code).toBe(1)
  const tested = await here(['show', '--dataset', 'digits', '--split', 'test', '--augment', 'cutout'])
  expect(tested.err).toContain('test images are never changed')
  expect(tested.code).toBe(1) // as with other options that contradict each other
})
