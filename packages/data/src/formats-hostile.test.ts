// Tables, arrays, pictures and archives made to take memory or time, read in a process of their own.
import { readFileSync } from 'node:fs'
import { constants, deflateSync, gzipSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectBounded, hostileReader } from '../../../tooling/vitest/hostile'
import { DataError } from './index'
import { decodePng } from './png'
import { datasetFromFileList } from './web'
import type * as web from './web'

const megabyte = 2 ** 20
const zeros = (megabytes: number) => Buffer.alloc(megabytes * megabyte)

const png = (side = 4, value = 9): Buffer => {
  const picture = new PNG({ width: side, height: side })
  picture.data.fill(value)
  return PNG.sync.write(picture)
}

const chunk = (type: string, data: Buffer): Buffer => {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(data.length)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, data, Buffer.alloc(4)])
}

/** Packs zeros as small as level 9 does, in a fifth of its time. */
const ofZeros = { level: 9, strategy: constants.Z_RLE }

/** A PNG that announces a size and holds what it likes. */
const madePng = (width: number, height: number, content: Buffer): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(content, ofZeros)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const table = (rows = 6, picture: Buffer = png()): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'image', data: new Array(rows).fill(new Uint8Array(picture)) as Uint8Array[], type: 'BYTE_ARRAY' },
        { name: 'label', data: Int32Array.from({ length: rows }, (_, i) => i % 3), type: 'INT32' },
      ],
    }),
  )

const tensors = (json: string, data: Buffer = Buffer.alloc(0)): Buffer => {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)))
  return Buffer.concat([length, Buffer.from(json), data])
}
const entry = (shape: readonly number[], end: number) =>
  `{"dtype":"U8","shape":[${shape.join(',')}],"data_offsets":[0,${end}]}`

const row = (label: number, cells = 16) => [label, ...new Array<number>(cells).fill(0)].join(',')
const csv = (rows: number, cells = 16) =>
  Buffer.from(Array.from({ length: rows }, (_, i) => row(i % 3, cells)).join('\n'))

/** A zip of one stored entry, which it says is many. */
const zip = (name: string, content: Buffer, count = 1): Buffer => {
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50)
  local.writeUInt16LE(name.length, 26)
  const directory = Buffer.alloc(46)
  directory.writeUInt32LE(0x02014b50)
  directory.writeUInt32LE(content.length, 20)
  directory.writeUInt32LE(content.length, 24)
  directory.writeUInt16LE(name.length, 28)
  const listed = Buffer.concat(new Array<Buffer>(count).fill(Buffer.concat([directory, Buffer.from(name)])))
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(30 + name.length + content.length, 16)
  return Buffer.concat([local, Buffer.from(name), content, listed, end])
}

describe('files made to take memory or time', () => {
  let reader: Awaited<ReturnType<typeof hostileReader>>
  beforeAll(async () => {
    reader = await hostileReader<typeof web>(new URL('./web.ts', import.meta.url), ({ datasetFromFileList }, bytes) => {
      const { File } = process.getBuiltinModule('node:buffer')
      // A picture alone is given as one of two classes.
      const isPng = bytes[0] === 0x89
      const files = isPng ? [new File([bytes], '1.png'), new File([bytes], '2.png')] : [new File([bytes], 'train')]
      const paths = isPng ? ['a/1.png', 'b/2.png'] : ['train']
      return datasetFromFileList(files as unknown as globalThis.File[], {
        name: 'x',
        paths,
        preparation: { test: 0.5 },
      })
    })
  })
  afterAll(() => reader.close())

  const cases: [string, () => Buffer, 'read' | 'refused', asked?: number][] = [
    ['a sound table', () => csv(60), 'read'],
    [
      '300 MB of zeros packed as .csv.gz',
      () => gzipSync(Buffer.concat([Buffer.from('1,2\n'), zeros(300)]), ofZeros),
      'refused',
    ],
    [
      'a row of 100 MB',
      () => gzipSync(Buffer.concat([csv(2), Buffer.from('\n'), Buffer.alloc(100 * megabyte, '1,')]), { level: 9 }),
      'refused',
    ],
    ['a first row of 10 million columns', () => gzipSync(Buffer.alloc(20 * megabyte, '1,'), { level: 9 }), 'refused'],
    ['a million empty lines behind one row', () => Buffer.concat([csv(2), Buffer.alloc(megabyte, '\n')]), 'read'],
    [
      'a wide first row and a million short ones',
      () => gzipSync(Buffer.concat([csv(1, 250_000), Buffer.from('\n'), Buffer.alloc(2 * megabyte, '1\n')])),
      'refused',
    ],
    ['a sound Parquet table', () => table(), 'read'],
    [
      'a Parquet footer of 4 GB',
      () =>
        Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(64), Buffer.from([255, 255, 255, 255]), Buffer.from('PAR1')]),
      'refused',
    ],
    ['a Parquet table of pictures that are bombs', () => table(6, madePng(4, 4, zeros(300))), 'refused'],
    [
      'sound safetensors',
      () =>
        tensors(
          `{"images":${entry([6, 4, 4], 96)},"labels":{"dtype":"U8","shape":[6],"data_offsets":[96,102]}}`,
          Buffer.from([...new Uint8Array(96), 0, 1, 2, 0, 1, 2]),
        ),
      'read',
    ],
    [
      'safetensors of sizes past 2^53',
      () => tensors(`{"images":${entry([2 ** 31, 2 ** 31, 2 ** 31], 4)}}`, Buffer.alloc(4)),
      'refused',
    ],
    [
      'safetensors of sizes past 2^53 hidden by a zero',
      () => tensors(`{"images":${entry([2 ** 31, 2 ** 31, 2 ** 31, 0], 0)}}`),
      'refused',
    ],
    [
      'safetensors whose header says 2^60 bytes',
      () => Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 16]), Buffer.from('{"a":1}')]),
      'refused',
    ],
    [
      'safetensors whose header is half a million names',
      () => tensors(`{${Array.from({ length: 100_000 }, (_, i) => `"n${i}":0`).join()}}`),
      'refused',
    ],
    ['a sound picture', () => png(), 'read'],
    ['a picture of 4 x 4 that unpacks to 300 MB', () => madePng(4, 4, zeros(300)), 'refused'],
    ['a picture that announces 2^31 a side', () => madePng(2 ** 31 - 1, 2 ** 31 - 1, zeros(1)), 'refused'],
    ['a picture that announces 4096 a side in few bytes', () => madePng(4096, 4096, Buffer.alloc(10)), 'refused'],
    ['an archive of 60,000 entries that are one', () => zip('1.csv', csv(60), 60_000), 'refused'],
    ['an archive in an archive', () => zip('a.zip', zip('1.csv', csv(60))), 'refused'],
  ]
  test.each(cases)('%s', async (_, make, outcome, asked = 0) => {
    const bytes = make()
    const reading = await reader.read(bytes)
    expect(reading.outcome, reading.message).toBe(outcome)
    expectBounded(reading, bytes, asked)
  })
})

test('a picture has the pixels that another decoder finds, in every kind', () => {
  for (const [name, sides] of [
    ['grey16.png', 1],
    ['palette.png', 3],
    ['rgb.png', 3],
    ['rgba.png', 3],
  ] as const) {
    const bytes = readFileSync(new URL(`../../../apps/cli/test-data/pictures/${name}`, import.meta.url))
    const { width, height, data } = PNG.sync.read(bytes)
    const pixels = decodePng(bytes, name)
    expect([pixels?.width, pixels?.height, pixels?.channels]).toEqual([width, height, sides])
    for (let i = 0; i < width * height; i++)
      for (let c = 0; c < sides; c++)
        expect(Math.abs((pixels?.data[sides * i + c] ?? -9) - (data[4 * i + c] ?? 0))).toBeLessThanOrEqual(1)
  }
})

test('files of several kinds at once are told apart, or refused with their names', async () => {
  const file = (content: Buffer | string, name: string) => new File([content as Uint8Array<ArrayBuffer>], name)
  await expect(datasetFromFileList([file(csv(6), 'train.csv'), file(csv(6), 'train_2.csv')])).rejects.toThrow(
    'expected one array with images to train on (x_train, or train_images) among train.csv, train_2.csv, found train.csv: images and train_2.csv: images',
  )
  await expect(
    datasetFromFileList([file('<html><body>', 'train.csv'), file(csv(6), 'test.csv')]),
  ).rejects.toBeInstanceOf(DataError)
})
