import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectBounded, hostileReader } from '../../../tooling/vitest/hostile'
import { DataError, type Dataset } from './index'
import { loadDataset } from './node'
import type * as numpy from './npy'
import { readNpy, readNpz } from './numpy'
import { datasetFromFileList } from './web'

const files = fileURLToPath(new URL('../test-data/', import.meta.url))
const bytesOf = async (name: string) => new Uint8Array(await readFile(join(files, name)))

/** What make-numpy.py writes. */
const images = Uint8Array.from({ length: 240 }, (_, i) => (7 * i + 3) % 251)
const labels = Array.from({ length: 12 }, (_, i) => i % 3)
const testImages = Uint8Array.from({ length: 120 }, (_, i) => {
  const [image, row, column] = [Math.floor(i / 20), Math.floor(i / 4) % 5, i % 4]
  return images[image * 20 + (4 - row) * 4 + column] ?? 0
})
const testLabels = Array.from({ length: 6 }, (_, i) => (i + 1) % 3)

const expectDigits = (data: Dataset) => {
  expect(data).toMatchObject({ imageShape: [5, 4], classes: 3 })
  expect(Buffer.from(data.train.images)).toEqual(Buffer.from(images))
  expect([...data.train.labels]).toEqual(labels)
  expect(Buffer.from(data.test.images)).toEqual(Buffer.from(testImages))
  expect([...data.test.labels]).toEqual(testLabels)
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-numpy-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('arrays as NumPy writes them', () => {
  test('are read, packed or not, whatever their type and order of bytes', async () => {
    const arrays = readNpz(await bytesOf('packed.npz'))
    expect([...arrays].map(([name, { type, shape }]) => [name, type, shape])).toEqual([
      ['train_images', 'uint8', [12, 5, 4, 1]],
      ['train_labels', 'int64', [12, 1]],
      ['val_images', 'uint8', [6, 5, 4]],
      ['test_images', 'uint8', [6, 5, 4, 1]],
      ['test_labels', 'int32', [6, 1]],
    ])
    expect([...(arrays.get('train_labels')?.data ?? [])]).toEqual(labels)
    expect([...(arrays.get('test_labels')?.data ?? [])]).toEqual(testLabels)
    expect([...readNpy(await bytesOf('mixed.npy')).data]).toEqual([-1, 2 ** 40, -(2 ** 52)])
    const { type, data } = readNpy(await bytesOf('float.npy'))
    expect([type, data[1]]).toEqual(['float32', Math.fround(10 / 255)])
  })

  test('that are no plain numbers are refused with what to do', async () => {
    for (const [name, why] of [
      ['objects.npy', "it holds Python's objects; write plain numbers"],
      ['records.npy', 'it holds records; write plain numbers'],
      ['fortran.npy', "its elements are in Fortran's order; write numpy.ascontiguousarray of it"],
    ] as const) {
      const bytes = await bytesOf(name)
      expect(() => readNpy(bytes, name)).toThrow(DataError)
      expect(() => readNpy(bytes, name)).toThrow(`${name} is not a readable NumPy array: ${why}`)
    }
  })

  test('cut off or longer, they are refused with both lengths', async () => {
    const bytes = await bytesOf('float.npy')
    expect(() => readNpy(bytes.subarray(0, -3))).toThrow(`expected ${bytes.length} bytes for float32 [12, 5, 4]`)
    expect(() => readNpy(Uint8Array.of(...bytes, 0))).toThrow(`the file holds ${bytes.length + 1}`)
    const archive = await bytesOf('packed.npz')
    expect(() => readNpz(archive.subarray(0, -3))).toThrow('its directory is missing')
    const flipped = archive.map((byte, i) => (i === 150 ? byte ^ 0x10 : byte))
    expect(() => readNpz(flipped)).toThrow('its entry train_images.npy is damaged: its checksum does not match')
  })
})

describe('a data set in them', () => {
  test.each(['keras.npz', 'packed.npz'])('%s is one, in a terminal and on a page', async (name) => {
    const local = await loadDataset(join(files, name))
    expectDigits(local)
    expect(local).toMatchObject({ name: name.slice(0, -4), origin: `the file ${join(files, name)}` })
    const dropped = await datasetFromFileList([new File([await bytesOf(name)], name)])
    expectDigits(dropped)
    expect(dropped.files).toEqual(local.files)
  })

  test('is the same data set as its IDX files, and in a folder of .npy, or an archive for each array', async () => {
    const idx = join(folder, 'keras')
    await mkdir(idx)
    const data = await loadDataset(join(files, 'keras.npz'))
    for (const [split, name] of [
      ['train', 'train'],
      ['test', 't10k'],
    ] as const) {
      const { images, labels, count } = data[split]
      await writeFile(
        join(idx, `${name}-images-idx3-ubyte`),
        writeIdx({ type: 'uint8', shape: [count, 5, 4], data: images }),
      )
      await writeFile(join(idx, `${name}-labels-idx1-ubyte`), writeIdx({ type: 'uint8', shape: [count], data: labels }))
    }
    const same = await loadDataset(idx)
    expect(same.name).toBe(data.name)
    expect(same.files.map(({ bytes, sha256 }) => [bytes, sha256])).toEqual(
      data.files.map(({ bytes, sha256 }) => [bytes, sha256]),
    )
    // As MNIST-C has them: plain arrays, one a file.
    const plain = join(folder, 'plain')
    await mkdir(plain)
    for (const [name, { type, shape, data }] of readNpz(await bytesOf('packed.npz'))) {
      if (type !== 'uint8') continue
      await writeFile(
        join(plain, `${name}.npy`),
        npy('|u1', shape, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
      )
    }
    await writeFile(join(plain, 'train_labels.npy'), npy('|u1', [12], Buffer.from(labels)))
    await writeFile(join(plain, 'test_labels.npy'), npy('|i1', [6], Buffer.from(testLabels)))
    expectDigits(await loadDataset(plain))
  })

  test('that lacks an array, or has floats for images, is refused with what there is', async () => {
    const some = join(folder, 'some')
    await mkdir(some)
    await cp(join(files, 'float.npy'), join(some, 'x_train.npy'))
    await expect(loadDataset(some)).rejects.toThrow(
      /there are no labels to train on \(y_train, or train_labels\), no images to test on .* in .*some .*, only x_train.npy: give all four/,
    )
    await cp(join(files, 'float.npy'), join(some, 'x_test.npy'))
    for (const name of ['y_train.npy', 'y_test.npy'])
      await writeFile(join(some, name), npy('|u1', [12], Buffer.from(labels)))
    await expect(loadDataset(some)).rejects.toThrow(
      'found float32 [12, 5, 4] (x_train.npy): say what becomes black and white (range=0,1 or range=-1,1), or write them as uint8',
    )
  })
})

/** A .npy file, version 1. */
const npy = (descr: string, shape: readonly number[], data: Uint8Array): Buffer => {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`
  const head = Buffer.alloc(10)
  head.write('\u0093NUMPY\u0001\u0000', 'latin1')
  head.writeUInt16LE(text.length + 1, 8)
  return Buffer.concat([head, Buffer.from(`${text}\n`), data])
}

describe('files made to take memory or time', () => {
  let reader: Awaited<ReturnType<typeof hostileReader>>
  beforeAll(async () => {
    reader = await hostileReader<typeof numpy>(
      new URL('./npy.ts', import.meta.url),
      async ({ arraysInNpy, arraysInNpz }, bytes) => {
        const arrays = await (bytes[0] === 0x93 ? arraysInNpy : arraysInNpz)({
          name: 'x',
          read: async () => bytes,
          open: () => new Blob([bytes]).stream(),
        })
        for (const array of arrays) await array.read()
      },
    )
  })
  afterAll(() => reader.close())

  /** An archive of one entry, whose directory may say something else than it holds. */
  const archive = (content: Buffer, { says = content.length, entries = 1 } = {}) => {
    const packed = deflateRawSync(content, { level: 9, strategy: constants.Z_RLE })
    const name = Buffer.from('x_train.npy')
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(name.length, 26)
    const directory = Buffer.alloc(46)
    directory.writeUInt32LE(0x02014b50, 0)
    directory.writeUInt16LE(8, 10)
    directory.writeUInt32LE(crc32(content), 16)
    directory.writeUInt32LE(packed.length, 20)
    directory.writeUInt32LE(says, 24)
    directory.writeUInt16LE(name.length, 28)
    const listed = Buffer.concat(new Array<Buffer>(entries).fill(Buffer.concat([directory, name])))
    const end = Buffer.alloc(22)
    end.writeUInt32LE(0x06054b50, 0)
    end.writeUInt16LE(entries, 10)
    end.writeUInt32LE(listed.length, 12)
    end.writeUInt32LE(30 + name.length + packed.length, 16)
    return Buffer.concat([local, name, packed, listed, end])
  }
  const zeros = (megabytes: number) => Buffer.alloc(megabytes * 2 ** 20)
  const hundred = () => npy('|u1', [100, 1024, 1024], zeros(100))
  const cases: [string, () => Buffer, outcome: 'read' | 'refused', asked: number][] = [
    ['an honest array of 100 MB', () => archive(hundred()), 'read', 100 * 2 ** 20],
    ['an entry that unpacks to more than it says', () => archive(hundred(), { says: 1000 }), 'refused', 0],
    ['an entry that says 2 GB', () => archive(npy('|u1', [3], zeros(1)), { says: 2 ** 31 - 1 }), 'refused', 0],
    ['an array that says more than its entry', () => archive(npy('|u1', [2 ** 31], zeros(1))), 'refused', 0],
    ['sizes past 2^53', () => npy('<f8', [2 ** 31, 2 ** 31, 2 ** 31], zeros(0)), 'refused', 0],
    ['sizes past 2^53 hidden by a zero', () => npy('<f8', [2 ** 31, 2 ** 31, 2 ** 31, 0], zeros(0)), 'refused', 0],
    ['an array of 2 GB that is not there', () => npy('|u1', [2 ** 31], zeros(0)), 'refused', 0],
    ['60,000 entries that are one', () => archive(npy('|u1', [3], Buffer.alloc(3)), { entries: 60_000 }), 'refused', 0],
    ['900 entries that are one', () => archive(npy('|u1', [3], Buffer.alloc(3)), { entries: 900 }), 'refused', 0],
    ['a header of open brackets', () => npy('|u1', [3], zeros(0)).fill('(', 20, 60), 'refused', 0],
  ]
  test.each(cases)('%s', async (_, make, outcome, asked) => {
    const bytes = make()
    const reading = await reader.read(bytes)
    expect(reading.outcome, reading.message).toBe(outcome)
    expectBounded(reading, bytes, asked)
  })
})
