// The same digits in every format that people have train to the same losses through the command; and what it says of a data set.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { strokes, type Split } from '@digitlab/data'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  byClass,
  digitFiles,
  npy,
  pictureFolders,
  zipped,
  type Files,
} from '../../../packages/data/src/testing/digit-files.ts'
import { photonImage } from './picture/photon'
import { makeWorkplace, type Ended, type Workplace } from './testing/command'

let workplace: Workplace
let digits: Awaited<ReturnType<typeof strokes>>
let PhotonImage: Awaited<ReturnType<typeof photonImage>>
beforeAll(async () => {
  const counts = { trainCount: 90, testCount: 30 }
  workplace = await makeWorkplace('formats', counts)
  digits = await strokes(counts)
  PhotonImage = await photonImage()
})
afterAll(() => workplace.remove())

const put = async (path: string, content: string | Uint8Array): Promise<void> => {
  await mkdir(join(workplace.folder, path, '..'), { recursive: true })
  await writeFile(join(workplace.folder, path), content)
}

const images = ({ images, count }: Split) =>
  Array.from({ length: count }, (_, i) => images.subarray(784 * i, 784 * (i + 1)))
const csv = (split: Split) =>
  images(split)
    .map((image, i) => [split.labels[i], ...image].join(','))
    .join('\n')
const png = (image: Uint8Array): Buffer => {
  const picture = new PNG({ width: 28, height: 28 })
  image.forEach((grey, i) => picture.data.set([grey, grey, grey, 255], 4 * i))
  return PNG.sync.write(picture)
}

let runs = 0
const train = async (dataset: string, ...more: string[]) => trained(dataset, (args) => workplace.command(args), more)
/** The same within this process, which has loaded what it takes. */
const trainHere = (dataset: string) => trained(dataset, (args) => workplace.here(args), [])

const trained = async (
  dataset: string,
  run: (args: readonly string[]) => Promise<Pick<Ended, 'code' | 'err'>>,
  more: readonly string[],
) => {
  const out = `run-${runs++}`
  const args = [
    'train',
    '--model',
    'linear',
    '--epochs',
    '1',
    '--batch-size',
    '16',
    '--dataset',
    dataset,
    '--backend',
    'cpu',
  ]
  const ended = await run([...args, '--workers', '1', '--no-report', '--out', out, ...more])
  expect(ended.code, ended.err).toBe(0)
  const written = JSON.parse(await readFile(join(workplace.folder, out, 'run.json'), 'utf8')) as {
    history: { stepLosses: readonly number[] }
    dataset: { name: string }
  }
  return { out, losses: written.history.stepLosses, name: written.dataset.name }
}

/** Through photon, whose WebP loses nothing. */
const picture = (image: Uint8Array, type: 'webp' | 'jpeg'): Uint8Array => {
  const rgba = Uint8Array.from({ length: 4 * 784 }, (_, i) => (i % 4 === 3 ? 255 : (image[i >> 2] ?? 0)))
  const photon = new PhotonImage(rgba, 28, 28)
  const bytes = type === 'webp' ? photon.get_bytes_webp() : photon.get_bytes_jpeg(100)
  photon.free()
  return bytes
}

describe('through the command', () => {
  test('every format trains to the losses of IDX', async () => {
    const folder = async (name: string, files: Files) => {
      for (const [path, content] of files) await put(`every/${name}/${path}`, content)
      return `every/${name}`
    }
    const formats = digitFiles(digits)
    const idx = await trainHere(await folder('idx', formats['IDX'] ?? []))
    for (const [format, files] of Object.entries(formats)) {
      if (format === 'IDX') continue
      const [[only = ''] = [], ...more] = files
      const place = await folder(format, files)
      const { losses } = await trainHere(more.length === 0 ? `${place}/${only}` : place)
      expect(losses, format).toEqual(idx.losses)
    }
    const sorted = { ...digits, train: byClass(digits.train), test: byClass(digits.test) }
    const inOrder = (await trainHere(await folder('by-class', digitFiles(sorted)['IDX'] ?? []))).losses
    const pictures = await pictureFolders(digits)
    expect((await trainHere(await folder('png', pictures))).losses, 'PNG').toEqual(inOrder)
    await put('every/png.zip', zipped(pictures))
    expect((await trainHere('every/png.zip')).losses, 'PNG in a zip archive').toEqual(inOrder)
    const webp = await pictureFolders(digits, 'webp', (image) => picture(image, 'webp'))
    expect((await trainHere(await folder('webp', webp))).losses, 'WebP').toEqual(inOrder)
    const jpeg = await pictureFolders(digits, 'jpg', (image) => picture(image, 'jpeg'))
    const { losses } = await trainHere(await folder('jpeg', jpeg))
    losses.forEach((loss, i) => expect(loss, 'JPEG, which loses a little').toBeCloseTo(inOrder[i] ?? NaN, 1))
  }, 240_000)

  test('tables of text, packed or not, train to the losses of the IDX files', async () => {
    const idx = await train('digits')
    await put('tables/train.csv', csv(digits.train))
    await put('tables/test.csv.gz', gzipSync(csv(digits.test)))
    expect((await train('tables')).losses).toEqual(idx.losses)
    expect((await train('digits', '--stream')).losses).toEqual(idx.losses)
  }, 120_000)

  test('pictures in folders are read, a part set aside, classes chosen, and the run evaluated and shown', async () => {
    for (const [i, image] of images(digits.train).entries())
      await put(`pictures/${digits.train.labels[i]}/${i}.png`, png(image))
    const refused = await workplace.command(['train', '--model', 'linear', '--dataset', 'pictures'])
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('there are no images to test on in')
    expect(refused.err).toContain('--test-split 0.1 sets a tenth of the training images aside')
    const { out, name } = await train('pictures', '--test-split', '0.2', '--classes', '0,1,2', '--limit', '10')
    expect(name).toBe('pictures#test=0.2&classes=0,1,2&limit=10')
    const found = await workplace.command(['evaluate', out, '--backend', 'cpu'])
    expect(found.err).toContain('pictures#test=0.2&classes=0,1,2&limit=10')
  }, 120_000)

  test('pictures in colour train a net of three channels, whose report shows them and whose weights are exported', async () => {
    for (const [i, image] of images(digits.train).entries()) {
      const picture = new PNG({ width: 28, height: 28 })
      image.forEach((grey, p) => picture.data.set([grey, 255 - grey, p % 256, 255], 4 * p))
      await put(`colours/${digits.train.labels[i]}/${i}.png`, PNG.sync.write(picture))
    }
    const made = ['--test-split', '0.2', '--channels', '3', '--model', 'cnn', '--augment', 'affine']
    const { out, losses, name } = await train('colours', ...made)
    expect(name).toBe('colours#test=0.2&channels=3')
    expect(losses.every((loss) => Number.isFinite(loss))).toBe(true)
    const run = JSON.parse(await readFile(join(workplace.folder, out, 'run.json'), 'utf8')) as {
      model: { definition: { input: number[] } }
    }
    expect(run.model.definition.input).toEqual([28, 28, 3])
    const report = await workplace.command(['report', out, '--data-dir', 'colours'])
    expect(report.code, report.err).toBe(0)
    const page = await readFile(join(workplace.folder, out, 'report.html'), 'utf8')
    expect(page.includes('Most confident mistakes'), 'the page shows images').toBe(true)
    expect(/<image(?![^>]*class="ink")[^>]*image\/png/.test(page), 'in colour').toBe(true)
    const onnx = await workplace.command(['convert', out, 'colours.onnx'])
    expect(onnx.code, onnx.err).toBe(0)
    const shown = await workplace.command(['data', 'info', 'colours#test=0.2&channels=3', '--out', 'colours.png'])
    expect(shown.out).toContain('images of 28 x 28 x 3')
    const grid = PNG.sync.read(await readFile(join(workplace.folder, 'colours.png')))
    expect(grid.data.some((_, i) => i % 4 === 0 && grid.data[i] !== grid.data[i + 1])).toBe(true)
    const evaluated = await workplace.command(['evaluate', out, '--backend', 'wasm'])
    expect(evaluated.code, evaluated.err).toBe(0)
  }, 120_000)

  test('classes are named by a file that is given, which has its place in the run', async () => {
    await put('letters.txt', [...'0123456789'].map((digit) => `${digit} ${Number(digit) + 65}`).join('\n'))
    const { out, name } = await train('digits', '--class-names', 'letters.txt', '--classes', 'B,C')
    expect(name).toBe('digits#classes=B,C')
    const { dataset } = JSON.parse(await readFile(join(workplace.folder, out, 'run.json'), 'utf8')) as {
      dataset: { classNames: string[] }
    }
    expect(dataset.classNames).toEqual(['B', 'C'])
    const streamed = await train('digits', '--class-names', 'letters.txt', '--stream')
    const whole = await train('digits')
    expect(streamed.losses).toEqual(whole.losses)
    const missing = await workplace.command(['data', 'info', 'digits', '--class-names', 'none.txt'])
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('there is no file none.txt')])
  }, 120_000)

  test('an option that does not fit is refused with what is expected', async () => {
    const ended = await workplace.command(['train', '--model', 'linear', '--dataset', 'digits', '--limit', '0'])
    expect(ended.code).toBe(2)
    expect(ended.err).toContain('expected how many images, from 1 for "limit" of a data set, found "0"')
  })

  test('"data info" says what is in a data set, shows nine of its images, and what looks wrong', async () => {
    const ended = await workplace.command(['data', 'info', 'digits', '--invert', '--out', 'nine.png'])
    expect(ended.code, ended.err).toBe(0)
    expect(ended.out).toContain('digits#invert: IDX, 90 training and 30 test images of 28 x 28')
    expect(ended.out).toContain('10 classes, each with its images to train and to test on:')
    expect(ended.out).toContain('? the ground is light and the ink dark: "invert" turns that round')
    expect(PNG.sync.read(await readFile(join(workplace.folder, 'nine.png'))).width).toBeGreaterThan(84)
    const { findings, counts, format } = JSON.parse(
      (await workplace.command(['data', 'info', 'digits', '--json'])).out,
    ) as {
      findings: string[]
      counts: { train: number[] }
      format: string
    }
    expect([format, findings]).toEqual(['IDX', ['no image to test on of class 6']])
    expect(counts.train.reduce((sum, count) => sum + count)).toBe(90)
  }, 60_000)

  test('a folder with a set for each corruption is evaluated to a table', async () => {
    for (const [variant, change] of [
      ['identity', (p: number) => p],
      ['fog', (p: number) => 128 + (p >> 1)],
    ] as const)
      for (const [split, { images, labels, count }] of Object.entries({ train: digits.train, test: digits.test })) {
        await put(`mnist_c/${variant}/${split}_images.npy`, npy([count, 28, 28, 1], images.map(change)))
        await put(`mnist_c/${variant}/${split}_labels.npy`, npy([count], labels))
      }
    const { out: run } = await train('digits', '--epochs', '2')
    const ended = await workplace.command(['evaluate', run, '--dataset', 'mnist_c', '--backend', 'cpu'])
    expect(ended.code, ended.err).toBe(0)
    expect(ended.out).toMatch(
      /linear on the test images of mnist_c:\n.*accuracy\s+mean loss\n\s+fog\s+[\d.]+ %\s+[\d.]+\n\s+identity\s+[\d.]+ %\s+[\d.]+\n\s+mean/,
    )
    const [fog, mean] = ['fog', 'mean'].map((name) => new RegExp(`${name}\\s+([\\d.]+) %`).exec(ended.out)?.[1])
    expect(mean).toBe(fog) // identity is not among the corruptions
  }, 120_000)
})
