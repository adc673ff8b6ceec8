// Sound files of every format, damaged at random: every reader refuses them with a sentence, or reads them, in bounded time and memory.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { PNG } from 'pngjs'
import { expect, test } from 'vitest'
import { damagedFiles, expectReadOrRefused } from '../../../tooling/vitest/damaged'
import { hostileReader } from '../../../tooling/vitest/hostile'
import { arraysInParquet } from './parquet'
import type * as readers from './testing/all-readers'

const folder = new URL('../test-data/', import.meta.url)
const stored = (ending: RegExp): Record<string, Uint8Array> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => ending.test(name))
      .map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]),
  )

/** As make-parquet.py has them. */
const pixels = Array.from({ length: 6 * 16 }, (_, i) => (7 * i + 3) % 251)

test.each(Object.entries(stored(/\.parquet$/)))(
  '%s has the pixels and labels that were written',
  async (name, bytes) => {
    const [images, labels] = await arraysInParquet({
      name,
      read: async () => bytes,
      open: () => new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(),
    })
    expect(images?.shape).toEqual([6, 4, 4])
    expect([...((await images?.read()) ?? [])]).toEqual(pixels)
    expect([...((await labels?.read()) ?? [])]).toEqual([0, 1, 2, 0, 1, 2])
  },
)

test('whatever is damaged in a file of any format, every reader refuses it with a sentence, or reads it', async () => {
  const png = (side: number): Buffer => {
    const picture = new PNG({ width: side, height: side })
    picture.data.set(pixels.slice(0, 4 * side))
    return PNG.sync.write(picture)
  }
  const csv = Buffer.from(Array.from({ length: 8 }, (_, i) => [i % 3, ...pixels.slice(0, 16)].join(',')).join('\n'))
  const tensor = JSON.stringify({ images: { dtype: 'U8', shape: [6, 4, 4], data_offsets: [0, 96] } })
  const length = Buffer.alloc(8)
  length.writeUInt32LE(tensor.length)
  const files = {
    ...stored(/\.(parquet|npy|npz)$/),
    'hyparquet.parquet': new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'image', data: new Array<Uint8Array>(6).fill(new Uint8Array(png(4))), type: 'BYTE_ARRAY' },
          { name: 'label', data: Int32Array.from({ length: 6 }, (_, i) => i % 3), type: 'INT32' },
        ],
      }),
    ),
    'x.csv': csv,
    'x.csv.gz': gzipSync(csv),
    'x.safetensors': Buffer.concat([length, Buffer.from(tensor), Buffer.from(pixels)]),
    'x.png': png(8),
    'x.zip': zipSync({ 'a/1.png': png(4), 'b/1.png': png(4), 'x.csv': csv }),
    'x.idx': writeIdx({ type: 'uint8', shape: [6, 4, 4], data: Uint8Array.from(pixels) }),
    'x.idx.gz': gzipSync(writeIdx({ type: 'int16', shape: [6, 2, 2], data: Int16Array.from(pixels.slice(0, 24)) })),
  }
  const reader = await hostileReader<typeof readers>(
    new URL('./testing/all-readers.ts', import.meta.url),
    ({ readByAll }, bytes) => readByAll(bytes),
  )
  try {
    await expectReadOrRefused(reader, damagedFiles(files, process.env['DIGITLAB_ALL'] === '1' ? 40_000 : 3000))
  } finally {
    await reader.close()
  }
}, 600_000)
