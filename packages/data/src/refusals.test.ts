// What is wrong with colours, names of classes and addresses is said in one sentence, with both values and what to do.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadDataset } from './node'
import { npy } from './testing/digit-files'
import { fetchDataFile } from './web'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-refusals-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Files = Readonly<Record<string, Uint8Array | string>>

const png = (side: number, isColour: boolean): Uint8Array => {
  const picture = new PNG({ width: side, height: side })
  for (let p = 0; p < side * side; p++) picture.data.set(isColour ? [200, 10, p % 256, 255] : [90, 90, 90, 255], 4 * p)
  return new Uint8Array(PNG.sync.write(picture, { colorType: isColour ? 2 : 0 }))
}

/** Six images of 4 x 4, labels from `first` to `first + 2`. */
const idx = (first = 0): Files =>
  Object.fromEntries(
    ['train', 't10k'].flatMap((part) => [
      [`${part}-images-idx3-ubyte`, writeIdx({ type: 'uint8', shape: [6, 4, 4], data: new Uint8Array(96).fill(7) })],
      [
        `${part}-labels-idx1-ubyte`,
        writeIdx({ type: 'uint8', shape: [6], data: Uint8Array.from({ length: 6 }, (_, i) => first + (i % 3)) }),
      ],
    ]),
  )

const npz = (...sides: number[]): Files => {
  const images = npy([6, ...sides], new Uint8Array(6 * sides.reduce((a, b) => a * b, 1)))
  const labels = npy([6], Uint8Array.of(0, 1, 2, 0, 1, 2))
  return {
    'set.npz': zipSync({ 'x_train.npy': images, 'y_train.npy': labels, 'x_test.npy': images, 'y_test.npy': labels }),
  }
}

const parquet = (pictures: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'image', data: [...pictures], type: 'BYTE_ARRAY' },
        { name: 'label', data: Int32Array.from(pictures, (_, i) => i % 2), type: 'INT32' },
      ],
    }),
  )

const written = async (name: string, files: Files): Promise<string> => {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, name, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, content)
  }
  return join(folder, name)
}

const mixed = [true, true, false, true].map((isColour) => png(4, isColour))
const colours: [what: string, files: Files, made: string, said: string | RegExp][] = [
  [
    'a colour picture of another size',
    Object.fromEntries([4, 4, 5, 4].map((side, i) => [`${i % 2}/${i}.png`, png(side, true)])),
    '#channels=3&test=0.5',
    /expected pictures of one size, .* is (4 x 4|5 x 5) and .* (4 x 4|5 x 5): say .*\(size=\dx\d\)/,
  ],
  [
    'four values a pixel',
    npz(4, 4, 4),
    '',
    'or [count, height, width, 3] of 1 to 4096 pixels a side, found uint8 [6, 4, 4, 4] (set.npz: x_train)',
  ],
  [
    'channels before rows',
    npz(3, 8, 8),
    '#channels=3',
    'found uint8 [6, 3, 8, 8] (set.npz: x_train): give the channels last',
  ],
  ['two channels', idx(), '#channels=2', 'expected 1, which is grey, or 3 for "channels" of a data set, found "2"'],
]
test.each(colours)('%s: one sentence', async (what, files, made, said) => {
  await expect(loadDataset((await written(what, files)) + made)).rejects.toThrow(said)
})

test('a grey picture among colours has three equal channels, or all are grey', async () => {
  const place = await written('mixed', { 'train.parquet': parquet(mixed), 'test.parquet': parquet(mixed) })
  const { train, imageShape } = await loadDataset(`${place}#channels=3`)
  expect(imageShape).toEqual([4, 4, 3])
  expect([...train.images.subarray(0, 3), ...train.images.subarray(96, 99)]).toEqual([200, 10, 0, 90, 90, 90])
  const notices: string[] = []
  await loadDataset(place, { onNotice: (sentence) => notices.push(sentence) })
  expect(notices.join()).toContain('3 of the 4 pictures of train.parquet')
})

describe('names of classes', () => {
  const load = async (names: Uint8Array | string, first = 0) => {
    const place = await written(`names-${first}`, idx(first))
    const file = await written('names', { 'of.txt': names })
    return loadDataset(place, { classNames: join(file, 'of.txt') })
  }

  test.each<[what: string, names: Uint8Array | string, said: string]>([
    ['no UTF-8', Uint8Array.of(97, 10, 255, 254, 10, 98), 'as text in UTF-8, found other bytes'],
    ['one name twice', 'a\nb\na\n', 'found "a" for 0 and for 2'],
    ['one label twice', '0 a\n0 b\n1 c\n', 'found "a" and "b" for 0'],
    ['a label that is none', '{"a": 0, "b": -1}', 'expected labels from 0 to 256, found -1 for "b"'],
    ['one name', 'a\n', 'expected the names of 2 to 256 classes, found 1'],
    ['300 names', Array.from({ length: 300 }, (_, i) => `n${i}`).join('\n'), '256'],
  ])('%s: refused', async (_, names, said) => {
    await expect(load(names)).rejects.toThrow(said)
  })

  test.each<[what: string, names: string, first: number, called: string[], said: string | undefined]>([
    ['as many', 'a\nb\nc\n', 0, ['a', 'b', 'c'], undefined],
    ['too few', 'a\nb\n', 0, ['a', 'b', '2'], 'there are names for 2 classes, and labels from 0 to 2, which are 3'],
    ['too many', 'a\nb\nc\nd\n', 0, ['a', 'b', 'c', 'd'], 'there are names for 4 classes, and labels from 0 to 2'],
    ['a list of labels from 1', 'a\nb\nc\n', 1, ['a', 'b', 'c'], undefined],
    ['labels from 1 by their numbers', '1 a\n2 b\n3 c\n', 1, ['a', 'b', 'c'], undefined],
    ['a class 0 without images', '0 a\n1 b\n2 c\n3 d\n', 1, ['a', 'b', 'c', 'd'], undefined],
  ])('%s: told', async (_, names, first, called, said) => {
    const { classNames, notice } = await load(names, first)
    expect(classNames).toEqual(called)
    if (said === undefined) expect(notice).toBeUndefined()
    else expect(notice).toContain(said)
  })
})

describe('an address', () => {
  const serve = async <T>(content: Uint8Array, use: (address: string) => Promise<T>): Promise<T> => {
    const server = createServer((_, response) => response.end(content))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
  const options = () => ({ env: { DIGITLAB_CACHE: join(folder, 'cache') }, attempts: 1 })

  test('of a table that unpacks to 300 MB', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from('1,2\n'), Buffer.alloc(300 * 2 ** 20)]), { level: 9 })
    await serve(bomb, (place) => expect(loadDataset(`${place}/bomb.csv.gz`, options())).rejects.toThrow(/bomb\.csv/))
  }, 60_000)

  test('with a % that stands for nothing', () =>
    serve(Buffer.from('no data set'), async (place) => {
      await expect(loadDataset(`${place}/100%.npz`, options())).rejects.toThrow(/100_?/)
      expect((await fetchDataFile(`${place}/100%.npz`)).file.name).toBe('100%.npz')
    }))

  test('of https: that sends on to http:', async () => {
    const answered = () => {
      const response = new Response('PK')
      Object.defineProperty(response, 'url', { value: 'http://example.org/set.npz' })
      return Promise.resolve(response)
    }
    const said = 'expected an answer by https:, was sent on to http://example.org/set.npz'
    await expect(fetchDataFile('https://example.org/set.npz', { fetch: answered })).rejects.toThrow(said)
    vi.stubGlobal('fetch', answered)
    try {
      await expect(loadDataset('https://example.org/set.npz', options())).rejects.toThrow(said)
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
