// Images in colour from every format that holds them: grey unless three channels are asked for, and then the bytes as they are.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeIdx } from '@digitlab/idx'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadDataset } from './node'
import { npy } from './testing/digit-files'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-colours-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const [height, width, count] = [4, 5, 6]
const pixels = height * width * 3
/** [count, height, width, 3], two classes one after another. */
const images = Uint8Array.from({ length: count * pixels }, (_, i) => (i * 73) % 251)
const labels = Uint8Array.of(0, 0, 0, 1, 1, 1)
/** As Pillow's convert('L'). */
const grey = Uint8Array.from({ length: count * height * width }, (_, i) => {
  const [red = 0, green = 0, blue = 0] = images.subarray(3 * i)
  return (19595 * red + 38470 * green + 7471 * blue + 32768) >>> 16
})

const put = async (path: string, content: Uint8Array): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await writeFile(join(folder, path), content)
}

const png = (i: number): Uint8Array => {
  const picture = new PNG({ width, height })
  for (let p = 0; p < height * width; p++) {
    const at = i * pixels + 3 * p
    picture.data.set([...images.subarray(at, at + 3), 255], 4 * p)
  }
  return new Uint8Array(PNG.sync.write(picture))
}

const formats: Record<string, () => [string, Uint8Array][]> = {
  IDX: () =>
    (['train', 't10k'] as const).flatMap((part): [string, Uint8Array][] => [
      [`IDX/${part}-images-idx4-ubyte`, writeIdx({ type: 'uint8', shape: [count, height, width, 3], data: images })],
      [`IDX/${part}-labels-idx1-ubyte`, writeIdx({ type: 'uint8', shape: [count], data: labels })],
    ]),
  npz: () => [
    [
      'npz/set.npz',
      zipSync({
        'x_train.npy': npy([count, height, width, 3], images),
        'y_train.npy': npy([count], labels),
        'x_test.npy': npy([count, height, width, 3], images),
        'y_test.npy': npy([count], labels),
      }),
    ],
  ],
  Parquet: () =>
    ['train', 'test'].map((part) => [
      `Parquet/${part}.parquet`,
      new Uint8Array(
        parquetWriteBuffer({
          schema: [
            { name: 'root', num_children: 2 },
            { name: 'image', repetition_type: 'OPTIONAL', num_children: 1 },
            { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
            { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
          ],
          columnData: [
            { name: 'image', data: Array.from({ length: count }, (_, i) => ({ bytes: png(i) })) },
            { name: 'label', data: Array.from(labels, BigInt) },
          ],
        }),
      ),
    ]),
  pictures: () =>
    ['train', 'test'].flatMap((part) =>
      Array.from({ length: count }, (_, i): [string, Uint8Array] => [`pictures/${part}/${labels[i]}/${i}.png`, png(i)]),
    ),
}

describe.each(Object.keys(formats))('%s', (name) => {
  const load = async (made = '') => {
    const notices: string[] = []
    const data = await loadDataset(join(folder, name) + made, { onNotice: (sentence) => notices.push(sentence) })
    return { data, notices: notices.join('\n') }
  }
  beforeAll(async () => {
    for (const [path, content] of formats[name]?.() ?? []) await put(path, content)
  })

  test('is made grey, and that is said', async () => {
    const { data, notices } = await load()
    expect(data.imageShape).toEqual([height, width])
    expect(data.train.images).toEqual(grey)
    expect(notices).toContain('which were made grey: ask for three channels to keep them')
    expect((await load('#channels=1')).data.train.images).toEqual(grey)
  })

  test('keeps its colours where three channels are asked for, and says no more', async () => {
    const { data, notices } = await load('#channels=3')
    expect(data).toMatchObject({ name: `${name}#channels=3`, imageShape: [height, width, 3], classes: 2 })
    expect(data.train.images).toEqual(images)
    expect(data.test.images).toEqual(images)
    expect(notices).not.toContain('grey')
    // Told by the IDX files that it would be, as every data set.
    const [file] = (await load('#channels=3&limit=2')).data.files
    expect(file?.bytes).toBe(20 + 2 * pixels)
  })

  test('is transposed, chosen from and brought to a size with its colours', async () => {
    const { data } = await load('#channels=3&transpose&classes=1,0&limit=2')
    expect(data.imageShape).toEqual([width, height, 3])
    expect([...data.train.labels]).toEqual([1, 1])
    const at = (y: number, x: number) => images[(y * width + x) * 3 + 2]
    expect(data.train.images[(3 * height + 1) * 3 + 2]).toBe(at(1, 3))
    expect((await load('#channels=3&size=2x2')).data.train.images.length).toBe(count * 12)
  })
})

test('grey images get three equal channels where they are asked for', async () => {
  for (const part of ['train', 't10k']) {
    await put(`plain/${part}-images-idx3-ubyte`, writeIdx({ type: 'uint8', shape: [count, height, width], data: grey }))
    await put(`plain/${part}-labels-idx1-ubyte`, writeIdx({ type: 'uint8', shape: [count], data: labels }))
  }
  const data = await loadDataset(`${join(folder, 'plain')}#channels=3`)
  expect(data.imageShape).toEqual([height, width, 3])
  expect([...data.train.images.subarray(0, 6)]).toEqual([grey[0], grey[0], grey[0], grey[1], grey[1], grey[1]])
})

test('IDX files in colour are streamed as they are, or refused with what to ask for', async () => {
  const path = join(folder, 'IDX')
  const data = await loadDataset(`${path}#channels=3`, { stream: true })
  const found = new Uint8Array(2 * pixels)
  data.train.stream?.read(Int32Array.of(1, 4), found)
  data.train.stream?.close()
  expect(found).toEqual(
    Uint8Array.of(...images.subarray(pixels, 2 * pixels), ...images.subarray(4 * pixels, 5 * pixels)),
  )
  expect(data.files).toEqual(
    (await loadDataset(`${path}#channels=3`)).files.map((file, i) => ({ ...file, name: data.files[i]?.name })),
  )
  await expect(loadDataset(path, { stream: true })).rejects.toThrow(
    'have 3 values a pixel, 1 are asked for, and they are streamed from the disk as they are: ask for 3 (channels=3)',
  )
})
