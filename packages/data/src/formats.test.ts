// The same digits in every format are the same data set: written as the tools write them, read by what they hold.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareDataset, strokes, type Dataset, type Split } from './index'
import { loadDataset } from './node'
import { csv, idxFiles, imagesOf, parquet, pixels, png, safetensors } from './testing/digit-files'
import { datasetFromFileList } from './web'

let folder = ''
let digits: Dataset
/** As IDX files, which the others are held to. */
let idx: Dataset

const put = async (path: string, content: string | Uint8Array): Promise<string> => {
  const whole = join(folder, path)
  await mkdir(dirname(whole), { recursive: true })
  await writeFile(whole, content)
  return whole
}

const hashes = ({ files }: Dataset) => files.map(({ sha256 }) => sha256)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-formats-'))
  digits = await strokes({ trainCount: 60, testCount: 20 })
  for (const [name, bytes] of idxFiles(digits)) await put(`idx/${name}`, bytes)
  idx = await loadDataset(join(folder, 'idx'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const expectSame = (data: Dataset) => {
  expect(hashes(data)).toEqual(hashes(idx))
  expect(data).toMatchObject({ imageShape: [28, 28], classes: 10, classNames: idx.classNames })
  expect(Buffer.from(data.train.images).equals(Buffer.from(digits.train.images))).toBe(true)
}

/** Files that hold the digits, by what they are. */
const written: Record<string, () => [string, string | Uint8Array][]> = {
  'CSV with a header, Kaggle': () => [
    ['mnist/train.csv', csv(digits.train)],
    ['mnist/test.csv', csv(digits.test)],
  ],
  'CSV without one, pjreddie': () => [
    ['mnist/mnist_train.csv', csv(digits.train, { header: false })],
    ['mnist/mnist_test.csv', csv(digits.test, { header: false })],
  ],
  'CSV packed by gzip, with CRLF, quotes and the label last': () => [
    ['mnist/sign_mnist_train.csv.gz', gzipSync(csv(digits.train, { label: 'last' }).replace(/\n/g, '\r\n'))],
    ['mnist/sign_mnist_test.csv.gz', gzipSync(csv(digits.test).replace(/(\d+)(?=,|$)/gm, '"$1"'))],
  ],
  'Parquet, Hugging Face': () => [
    ['mnist/train-00000-of-00001.parquet', parquet(digits.train)],
    ['mnist/test-00000-of-00001.parquet', parquet(digits.test)],
  ],
  'Parquet in two parts': () => {
    const half = (from: number, to: number): Split => ({
      images: digits.train.images.slice(from * pixels, to * pixels),
      labels: digits.train.labels.slice(from, to),
      count: to - from,
    })
    return [
      ['mnist/data/train-00000-of-00002.parquet', parquet(half(0, 30))],
      ['mnist/data/train-00001-of-00002.parquet', parquet(half(30, 60))],
      ['mnist/data/test-00000-of-00001.parquet', parquet(digits.test)],
    ]
  },
  'safetensors, a file for each split': () =>
    (['train', 'test'] as const).map((split) => {
      const { images, labels, count } = digits[split]
      const wide = new Uint8Array(BigInt64Array.from(labels, BigInt).buffer)
      return [
        `mnist/${split}.safetensors`,
        safetensors({
          images: { dtype: 'U8', shape: [count, 28, 28], data: images },
          labels: { dtype: 'I64', shape: [count], data: wide },
        }),
      ]
    }),
  'a zip archive of IDX files': () => [
    [
      'mnist.zip',
      zipSync(Object.fromEntries(idxFiles(digits).map(([name, bytes]) => [`raw/${name}.gz`, gzipSync(bytes)]))),
    ],
  ],
  'a zip archive of CSV tables, as Kaggle serves it': () => [
    [
      'mnist.zip',
      zipSync({
        'train.csv': Buffer.from(csv(digits.train)),
        'test.csv': Buffer.from(csv(digits.test)),
        '__MACOSX/._train.csv': Buffer.from('x'),
      }),
    ],
  ],
}

describe.each(Object.entries(written))('%s', (what, files) => {
  test('is the same data set as the IDX files, in a terminal and on a page', async () => {
    const place = what.replace(/\W+/g, '-')
    const given = files()
    for (const [path, content] of given) await put(`${place}/${path}`, content)
    const [first = ''] = given.map(([path]) => path)
    const data = await loadDataset(join(folder, place, first.startsWith('mnist/') ? 'mnist' : first))
    expectSame(data)
    expect(data.name).toBe('own-mnist')
    const dropped = given.map(
      ([path, content]) => new File([content as Uint8Array<ArrayBuffer>], path.slice(path.lastIndexOf('/') + 1)),
    )
    expectSame(await datasetFromFileList(dropped, { name: 'mnist' }))
  })
})

describe('pictures in a folder for each class', () => {
  const layout = (split: Split, within: string, draw = (image: Uint8Array) => png(image)) =>
    imagesOf(split).map((image, i): [string, Buffer] => [
      `${within}/${split.labels[i]}/${String(i).padStart(4, '0')}.png`,
      draw(image),
    ])
  /** In the order of a folder: class by class. */
  const byClass = ({ images, labels, count }: Split): Uint8Array => {
    const order = [...labels.keys()].sort((a, b) => (labels[a] ?? 0) - (labels[b] ?? 0) || a - b)
    const sorted = new Uint8Array(images.length)
    order.forEach((index, i) => sorted.set(images.subarray(index * pixels, (index + 1) * pixels), i * pixels))
    expect(order).toHaveLength(count)
    return sorted
  }

  test('torchvision reads them so: classes by name, train and test apart', async () => {
    const files = [...layout(digits.train, 'folders/train'), ...layout(digits.test, 'folders/test')]
    for (const [path, content] of files) await put(path, content)
    const data = await loadDataset(join(folder, 'folders'))
    expect(data).toMatchObject({ name: 'folders', imageShape: [28, 28], classes: 10 })
    expect(Buffer.from(data.train.images).equals(Buffer.from(byClass(digits.train)))).toBe(true)
    expect([...data.test.labels]).toEqual([...digits.test.labels].sort())
    const zip = await put('folders.zip', zipSync(Object.fromEntries(files)))
    expect(hashes(await loadDataset(zip))).toEqual(hashes(data))
    const paths = files.map(([path]) => path)
    const dropped = await datasetFromFileList(
      files.map(([path, content]) => new File([new Uint8Array(content)], path.slice(path.lastIndexOf('/') + 1))),
      { name: 'folders', paths },
    )
    expect(hashes(dropped)).toEqual(hashes(data))
  })

  test('are made grey where they have colours, and that is said', async () => {
    for (const [path, content] of layout(digits.train, 'coloured', (image) => png(image, { colour: true })))
      await put(path, content)
    const notices: string[] = []
    const data = await loadDataset(`${join(folder, 'coloured')}#test=0.25`, {
      onNotice: (sentence) => notices.push(sentence),
    })
    expect(data).toMatchObject({ name: 'coloured#test=0.25', train: { count: 45 }, test: { count: 15 } })
    expect(notices.join()).toMatch(/^60 of the 60 pictures of pictures: images have colours, which were made grey/)
    // Pillow's convert('L') of (0, 0, 255) is 29.
    expect(data.train.images[0]).toBe(29)
  })

  test('of several sizes are brought to the one that is asked for, else refused with both', async () => {
    await put('sizes/a/1.png', png(new Uint8Array(16 * 16).fill(200), { side: 16 }))
    await put('sizes/a/2.png', png(new Uint8Array(16 * 16).fill(100), { side: 16 }))
    await put('sizes/b/1.png', png(new Uint8Array(20 * 20).fill(50), { side: 20 }))
    await put('sizes/b/2.png', png(new Uint8Array(20 * 20).fill(250), { side: 20 }))
    const path = join(folder, 'sizes')
    await expect(loadDataset(`${path}#test=0.5`)).rejects.toThrow(
      'expected pictures of one size, a/1.png is 16 x 16 and b/1.png 20 x 20: say to what size they are to be brought (size=16x16)',
    )
    const data = await loadDataset(`${path}#test=0.5&size=8x10`)
    expect(data).toMatchObject({ name: 'sizes#test=0.5&size=8x10', imageShape: [8, 10], classNames: ['a', 'b'] })
    expect([...new Set([...data.train.images, ...data.test.images])].sort((a, b) => a - b)).toEqual([50, 100, 200, 250])
  })

  test('of one class, or in no folder, are refused', async () => {
    await put('alone/a/1.png', png(new Uint8Array(pixels)))
    await expect(loadDataset(join(folder, 'alone'))).rejects.toThrow(
      /expected a folder of pictures for each of two classes or more, found 1 \(a\) in .*alone .*: put each class into a folder of its own/,
    )
    for (const name of ['1.png', '2.png']) await put(`flat/${name}`, png(new Uint8Array(pixels)))
    await expect(loadDataset(join(folder, 'flat'))).rejects.toThrow('1.png lies in none')
  })
})

describe('what is made of a data set, behind its name', () => {
  const load = (path: string) => loadDataset(join(folder, path))

  test('classes and a limit leave images out and number the labels anew', async () => {
    const data = await load('idx#classes=7,1&limit=5')
    expect(data).toMatchObject({ name: 'idx#classes=7,1&limit=5', classes: 2, classNames: ['7', '1'] })
    const chosen = [...digits.train.labels].filter((label) => label === 7 || label === 1).slice(0, 5)
    expect([...data.train.labels]).toEqual(chosen.map((label) => (label === 7 ? 0 : 1)))
    const first = digits.train.labels.findIndex((label) => label === 7 || label === 1)
    expect(Buffer.from(data.train.images.subarray(0, pixels)).equals(Buffer.from(imagesOf(digits.train)[first]!))).toBe(
      true,
    ) // it was found
    await expect(load('idx#classes=7,x')).rejects.toThrow('there is no class "x" in idx: choose among 0, 1, 2')
  })

  test('transposed twice and inverted twice is the same, and once is not', async () => {
    const once = await load('idx#transpose&invert')
    expect(once.train.images[5 * 28 + 9]).toBe(255 - (digits.train.images[9 * 28 + 5] ?? 0))
    const twice = await prepareDataset(await load('idx#transpose&invert'), { transpose: true, invert: true })
    expect(hashes(twice)).toEqual(hashes(idx))
  })

  test("a size, MNIST's form, and a known data set", async () => {
    const small = await load('idx#size=14')
    expect(small).toMatchObject({ imageShape: [14, 14], name: 'idx#size=14x14' })
    const framed = await load('idx#as-mnist&limit=3')
    expect(framed).toMatchObject({ imageShape: [28, 28], train: { count: 3 }, test: { count: 3 } })
    expect(await prepareDataset(digits, { limit: 5, classes: ['0', '1'] })).toMatchObject({
      name: 'strokes#classes=0,1&limit=5',
      train: { count: 5 },
      classes: 2,
    })
    expect(() => prepareDataset(digits, { test: 0.1 })).toThrow(
      'has images to test on, of bytes, and nothing for "test" to do',
    )
  })

  test('of strokes no more are drawn than a limit leaves, and these are those of all', async () => {
    const wanted = await prepareDataset(digits, { limit: 7, invert: true })
    const { files, train, test, ...others } = await loadDataset('strokes#limit=7&invert')
    expect(others).toEqual({ ...others, name: wanted.name, title: wanted.title, origin: wanted.origin })
    expect(files).toEqual(wanted.files)
    expect([train, test]).toEqual([wanted.train, wanted.test])
    // Of some classes the first ones lie further behind.
    const of = await loadDataset('strokes#classes=0,1&limit=100')
    const first = await prepareDataset(digits, { classes: ['0', '1'] })
    expect(of.train.count).toBe(100)
    expect(of.train.images.subarray(0, first.train.images.length)).toEqual(first.train.images)
  })

  test('float images are scaled as is said, else refused', async () => {
    const floats = (split: Split, low: number) =>
      csv(split, { header: false })
        .split('\n')
        .map((row) =>
          row
            .split(',')
            .map((cell, i) => (i === 0 ? cell : String((Number(cell) / 255) * (1 - low) + low)))
            .join(','),
        )
        .join('\n')
    for (const [name, low] of [
      ['unit', 0],
      ['signed', -1],
    ] as const) {
      await put(`${name}/train.csv`, floats(digits.train, low))
      await put(`${name}/test.csv`, floats(digits.test, low))
    }
    await expect(load('unit')).rejects.toThrow(
      'found float32 [60, 28, 28] (train.csv: images): say what becomes black and white (range=0,1 or range=-1,1)',
    )
    expect(hashes(await load('unit#range=0,1'))).toEqual(hashes(idx))
    expect(hashes(await load('signed#range=-1,1'))).toEqual(hashes(idx))
    await expect(load('signed#range=0,1')).rejects.toThrow(
      /expected pixels from 0 to 1, found -1 in image 0 \(train.csv: images\)/,
    )
  })

  test('a training set alone is split where that is asked for', async () => {
    await put('alone.csv', csv(digits.train))
    await put('kaggle/train.csv', csv(digits.train))
    await put('kaggle/test.csv', csv(digits.test, { label: 'none' }))
    for (const [name, bytes] of idxFiles(digits).slice(0, 2)) await put(`half/${name}`, bytes)
    for (const path of ['alone.csv', 'kaggle', 'half']) {
      await expect(load(path)).rejects.toThrow('(test=0.1)')
      await expect(load(path)).rejects.toMatchObject({ code: 'no-test-images' })
      const data = await load(`${path}#test=0.2`)
      expect(data).toMatchObject({ train: { count: 48 }, test: { count: 12 } })
      const all = [...imagesOf(data.train), ...imagesOf(data.test)]
        .map((image) => Buffer.from(image).toString('base64'))
        .sort()
      expect(all).toEqual(
        imagesOf(digits.train)
          .map((image) => Buffer.from(image).toString('base64'))
          .sort(),
      )
    }
    await expect(load('idx#test=0.2')).rejects.toThrow('there are images to test on')
  })

  test('words that are none, and values that do not fit, are said', async () => {
    await expect(load('idx#colour')).rejects.toThrow('"colour" after # in')
    await expect(load('idx#limit=0')).rejects.toThrow(
      'expected how many images, from 1 for "limit" of a data set, found "0"',
    )
    await expect(load('idx#classes=1,1')).rejects.toThrow('expected two classes or more, each once, as 0,1,7')
    await expect(load('idx#size=0x5')).rejects.toThrow('expected height and width from 1 to 4096')
  })
})

test("names of classes lie beside the files: EMNIST's codes, Kuzushiji's letters, JSON", async () => {
  const letters = {
    ...digits,
    train: { ...digits.train, labels: digits.train.labels.map((label) => label + 1) },
    test: { ...digits.test, labels: digits.test.labels.map((label) => label + 1) },
  }
  for (const [name, bytes] of idxFiles(letters))
    await put(`letters/emnist-letters-${name.replace('t10k', 'test')}`, bytes)
  await put(
    'letters/emnist-letters-mapping.txt',
    Array.from({ length: 10 }, (_, i) => `${i + 1} ${65 + i} ${97 + i}`).join('\n'),
  )
  const data = await loadDataset(join(folder, 'letters', 'emnist-letters'))
  expect(data).toMatchObject({ name: 'own-emnist-letters', classNames: [...'ABCDEFGHIJ'] })
  expect([...data.train.labels]).toEqual([...digits.train.labels])
  for (const [name, bytes] of idxFiles(digits)) await put(`kuzushiji/${name}`, bytes)
  await put('kuzushiji/kmnist_classmap.csv', 'index,codepoint,char\n0,U+304A,お\n1,U+304D,き\n')
  expect((await loadDataset(join(folder, 'kuzushiji'))).classNames.slice(0, 3)).toEqual(['お', 'き', '2'])
})

describe('an address', () => {
  let server: Server
  let address = ''
  let asked = 0
  beforeAll(async () => {
    const body = zipSync(Object.fromEntries(idxFiles(digits)))
    server = createServer((request, response) => {
      asked++
      if (request.url?.startsWith('/digits.zip')) response.end(body)
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const at = server.address()
    address = `http://127.0.0.1:${typeof at === 'object' ? at?.port : 0}`
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))

  test('is downloaded once, kept, and held to a hash where one is given', async () => {
    const env = { DIGITLAB_CACHE: join(folder, 'cache') }
    const data = await loadDataset(`${address}/digits.zip`, { env })
    expect(hashes(data)).toEqual(hashes(idx))
    expect(data).toMatchObject({
      name: 'digits',
      origin: expect.stringMatching(/^a download from 127.0.0.1:\d+\/digits.zip$/) as string,
    })
    await loadDataset(`${address}/digits.zip#limit=3`, { env })
    expect(asked).toBe(1)
    const wrong = 'ab'.repeat(32)
    await expect(loadDataset(`${address}/digits.zip#sha256=${wrong}`, { env })).rejects.toThrow(
      `expected the SHA-256 ${wrong}, found`,
    )
    await expect(loadDataset(`${address}/nothing.zip`, { env, attempts: 1 })).rejects.toThrow('404')
    await expect(loadDataset(`${address}/`, { env })).rejects.toThrow('expected the address of a file')
  })
})
