// Parquet tables whose pages and footers ask for time without end, or memory, in a process of their own.
import { deflateSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectBounded, hostileReader, type Reading } from '../../../tooling/vitest/hostile'
import type * as parquet from './parquet'
import * as made from './testing/made-parquet'

const megabyte = 2 ** 20

/** A number of seven bits a byte. */
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
const bytes = (...values: (number | readonly number[])[]): Buffer => Buffer.from(values.flat())
const minusOne = varint(2 ** 32 - 1)

/** Levels of version 1: their length and they. */
const levels = (...content: number[]): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(content.length)
  return Buffer.concat([length, bytes(content)])
}
/** A block of a Thrift list that announces 30 million lists of the same, `depth` deep. */
const lists = (depth: number): number[] => (depth === 0 ? [0] : [0xf9, ...varint(30_000_000), ...lists(depth - 1)])

/** Differences that are all alike, in one block: `count` numbers from `first` on, each `step` more than the one before. */
const counted = (first: number, step: number, count: number): Buffer =>
  bytes(varint(2 ** 17), [1], varint(count), varint(2 * first), varint(2 * step), [0])

const png = (() => {
  const chunk = (type: string, data: Buffer) => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(data.length)
    head.write(type, 4, 'latin1')
    return Buffer.concat([head, data, Buffer.alloc(4)])
  }
  const header = Buffer.from([0, 0, 0, 4, 0, 0, 0, 4, 8, 0, 0, 0, 0])
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const pixels = deflateSync(Buffer.alloc(20))
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))])
})()
const plain = (count: number): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(png.length)
  return Buffer.concat(new Array<Buffer[]>(count).fill([length, png]).flat())
}
const { first, second, tableOf, framed, thrift } = made
const footer = (start: readonly number[], rest = Buffer.alloc(0)): Buffer =>
  Buffer.concat([Buffer.from('PAR1'), framed(Buffer.concat([Buffer.from(start), rest]))])
const sound = first(made.PLAIN, plain(6))
/** What a footer says of a chunk of a column of pictures, whose pages are the first in the file. */
const chunkOf = (pages: Buffer): made.Fields => {
  const size = BigInt(pages.length)
  const meta = { field_1: made.BYTE_ARRAY, field_2: [0], field_3: ['image'], field_4: 0 }
  return { field_2: 4n, field_3: { ...meta, field_5: 6n, field_6: size, field_7: size, field_9: 4n } }
}
/** Six pictures behind as many bytes as nobody reads, in one of them. */
const large = (() => {
  const much = Buffer.alloc(4 * megabyte)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(much.length)
  return first(made.PLAIN, Buffer.concat([plain(5), length, much]))
})()
const cases: [string, Buffer, outcome: 'read' | 'refused', message?: string][] = [
  ['a sound page', tableOf(sound), 'read'],
  ['a sound page of version 2', tableOf(second(made.PLAIN, plain(6))), 'read'],
  [
    'levels without a length',
    tableOf(second(made.PLAIN, bytes(0, 1), { field_5: 2, field_6: undefined }), {
      optional: true,
    }),
    'refused',
    'a page with ? and 2 bytes of levels in 2',
  ],
  [
    'levels of a negative length',
    tableOf(second(made.PLAIN, bytes(12, 1), { field_5: -2 }), { optional: true }),
    'refused',
  ],
  ['levels in a run of 2^30', tableOf(first(made.PLAIN, levels(...varint(2 ** 31), 1)), { optional: true }), 'refused'],
  ['indices in a run of 2^30', tableOf(first(made.RLE_DICTIONARY, bytes(8, varint(2 ** 31), 0))), 'refused'],
  ['indices of no bits in a run of -8', tableOf(second(made.RLE_DICTIONARY, bytes(0, minusOne, 0))), 'refused'],
  [
    'a page whose header is that of another type',
    tableOf(
      Buffer.concat([
        thrift({
          field_1: made.DATA_V2,
          field_2: 7,
          field_3: 7,
          field_5: { field_1: 6, field_2: 0, field_3: 3, field_4: 3 },
          field_8: { field_1: 6, field_2: 0, field_3: 6, field_4: 8, field_5: 0, field_6: 0 },
        }),
        bytes(0, minusOne, 0),
      ]),
    ),
    'refused',
  ],
  [
    'differences in -1 parts',
    tableOf(first(made.DELTA_BINARY_PACKED, bytes([128, 1], minusOne, 6, 0, 0, 0)), { type: made.INT32 }),
    'refused',
  ],
  [
    'a difference of a megabyte',
    tableOf(
      first(
        made.DELTA_BINARY_PACKED,
        Buffer.concat([bytes(128, 1, 4, 6, 0), Buffer.alloc(megabyte, 255), Buffer.alloc(9)]),
      ),
      { type: made.INT64 },
    ),
    'refused',
  ],
  [
    '1000 values that each begin with the one before them',
    tableOf(
      first(
        made.DELTA_BYTE_ARRAY,
        Buffer.concat([counted(0, 1000, 1000), counted(1000, 0, 1000), Buffer.alloc(1000 * 1000)]),
        { values: 1000 },
      ),
      { rows: 1000 },
    ),
    'refused',
  ],
  [
    'a literal of Snappy of 2^32 - 5 bytes',
    tableOf(first(made.PLAIN, bytes(6, 0xfc, 0xfa, 0xff, 0xff, 0xff, 0, 0), { size: 6 }), {
      optional: true,
      snappy: true,
    }),
    'refused',
  ],
  [
    'a dictionary behind the pages, where no page was looked at',
    tableOf(Buffer.concat([sound, second(made.RLE_DICTIONARY, bytes(0, minusOne, 0)), Buffer.alloc(sound.length)]), {
      chunk: {
        field_7: BigInt(sound.length),
        field_11: BigInt(4 + sound.length),
      },
    }),
    'refused',
  ],
  ['a footer of lists of 30 million', footer([0x19, ...lists(12)]), 'refused'],
  [
    'a page header with lists of 30 million',
    tableOf(Buffer.concat([Buffer.from([0x19, ...lists(12)]), sound])),
    'refused',
  ],
  ['a footer of a number of a megabyte', footer([0x16], Buffer.alloc(megabyte, 255)), 'refused'],
  [
    'a footer of a million structs that hold nothing',
    footer([0x29, 0xfc, ...varint(4 * megabyte)], Buffer.alloc(4 * megabyte + 1)),
    'refused',
  ],
  [
    'a footer of 390,000 structs that hold nothing',
    footer([0x29, 0xfc, ...varint(390_000)], Buffer.alloc(megabyte)),
    'refused',
  ],
  [
    'a footer of 190,000 structs of a number each',
    footer([0x29, 0xfc, ...varint(190_000)], Buffer.alloc(megabyte, bytes(0x15, 7, 0))),
    'refused',
  ],
  [
    'a hundred thousand pages of nothing',
    tableOf(Buffer.concat([...new Array<Buffer>(100_000).fill(first(made.PLAIN, bytes(), { values: 0 })), sound])),
    'read',
  ],
  [
    'a thousand row groups of a thousand columns',
    tableOf(sound, {
      rows: 6000,
      file: {
        field_2: [
          { field_4: 'root', field_5: 1000 },
          ...Array.from({ length: 1000 }, (_, i) => ({ field_1: 6, field_3: 0, field_4: i ? `${i}` : 'image' })),
        ],
        field_4: new Array<made.Fields>(1000).fill({ field_1: [chunkOf(sound)], field_2: 9n, field_3: 6n }),
      },
    }),
    'refused',
  ],
  [
    'pages of 4 MB that 60 columns are',
    tableOf(large, {
      file: { field_4: [{ field_1: new Array<made.Fields>(60).fill(chunkOf(large)), field_2: 9n, field_3: 6n }] },
    }),
    'refused',
    'its columns should take',
  ],
  [
    'columns that are not there',
    tableOf(sound, { file: { field_2: [{ field_4: 'root', field_5: 1 }] } }),
    'refused',
    'its footer is damaged (it lacks 1 of its columns)',
  ],
  [
    'a column whose name is a number',
    tableOf(sound, { chunk: { field_3: [0] } }),
    'refused',
    'its footer is damaged (a column has no name)',
  ],
  [
    'a column that is a number',
    tableOf(sound, {
      file: { field_4: [{ field_1: [{ field_2: 4n, field_3: 0 }], field_2: BigInt(sound.length), field_3: 6n }] },
    }),
    'refused',
    'its footer is damaged (a column has no name)',
  ],
  [
    'columns that lie 9000 deep',
    tableOf(sound, {
      file: { field_2: Array.from({ length: 9000 }, () => ({ field_4: 'image', field_5: 1 })) },
    }),
    'refused',
  ],
  [
    'a decimal number of a megabyte',
    tableOf(sound, {
      type: 7,
      chunk: { field_12: { field_1: Buffer.alloc(megabyte, 1) } },
      file: {
        field_2: [
          { field_4: 'root', field_5: 1 },
          { field_1: 7, field_2: 4, field_3: 0, field_4: 'image', field_6: 5 },
        ],
      },
    }),
    'refused',
  ],
]

let reader: Awaited<ReturnType<typeof hostileReader>>
const readings: Reading[] = []
beforeAll(async () => {
  reader = await hostileReader<typeof parquet>(
    new URL('./parquet.ts', import.meta.url),
    async ({ arraysInParquet }, bytes) => {
      for (const array of await arraysInParquet({ name: 'x', read: async () => bytes } as never)) await array.read()
    },
    { patience: Number(process.env['PATIENCE'] ?? 60) },
  )
  const files = cases.map(([, file]) => file)
  while (readings.length < files.length) readings.push(...(await reader.readMany(files.slice(readings.length))))
})
afterAll(() => reader.close())

test.each(cases.map(([name, ...rest], i) => [name, i, ...rest] as const))('%s', (_, i, file, outcome, message = '') => {
  const reading = readings[i] as Reading
  expect(reading.outcome, reading.message).toBe(outcome)
  expect(reading.message).toContain(message)
  expectBounded(reading, file)
})
