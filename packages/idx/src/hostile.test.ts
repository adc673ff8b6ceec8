// Files made to take memory or time: each is read in a process of its own, with 256 MB of heap and 2 s.
import { constants, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { damagedFiles, expectReadOrRefused, madeFiles } from '../../../tooling/vitest/damaged'
import { writeIdx } from './index'
import type * as idx from './index'
import { expectBounded, hostileReader } from '../../../tooling/vitest/hostile'

const header = (code: number, ...sizes: number[]) => {
  const view = new DataView(new ArrayBuffer(4 + 4 * sizes.length))
  view.setUint32(0, (code << 8) + sizes.length)
  sizes.forEach((size, i) => view.setUint32(4 + 4 * i, size))
  return Buffer.from(view.buffer)
}
const zeros = (megabytes: number) => Buffer.alloc(megabytes * 2 ** 20)
/** Zeros as small as level 9 packs them, in a fifth of its time. */
const packed = (...parts: Buffer[]) => gzipSync(Buffer.concat(parts), { level: 9, strategy: constants.Z_RLE })

const bombs: [string, Buffer, asked: number, outcome: 'read' | 'refused'][] = [
  ['inflates to 300 MB and announces 1 byte', packed(header(8, 1), zeros(300)), 0, 'refused'],
  ['announces 2 GB and holds nothing', packed(header(8, 32767, 256, 256)), 0, 'refused'],
  ['announces 2 GB of the 100 MB that it holds', packed(header(8, 32767, 256, 256), zeros(100)), 0, 'refused'],
  ['announces 300 MB and holds 100', packed(header(8, 300, 1024, 1024), zeros(100)), 2 ** 20 * 100, 'refused'],
  [
    'announces 300 MB and holds 100, packed in a hurry',
    gzipSync(Buffer.concat([header(8, 300, 1024, 1024), zeros(100)]), { level: 1 }),
    2 ** 20 * 100,
    'refused',
  ],
  ['holds the 100 MB that it announces', packed(header(8, 100, 1024, 1024), zeros(100)), 2 ** 20 * 100, 'read'],
  ['holds 96 MB of float64', packed(header(14, 12, 1024, 1024), zeros(96)), 2 ** 20 * 96, 'read'],
  ['holds a header of rank 255 and no data', packed(header(8, ...new Array<number>(254).fill(1), 0)), 0, 'read'],
  ['is 100,000 members without a byte', Buffer.concat(new Array<Buffer>(100_000).fill(gzipSync(''))), 0, 'refused'],
  ['is zeros behind one member', Buffer.concat([packed(header(8, 0)), zeros(20)]), 0, 'read'],
  [
    'has a name of 20 MB in its gzip header',
    Buffer.concat([Buffer.from([31, 139, 8, 8, 0, 0, 0, 0, 0, 3]), zeros(20).fill(65)]),
    0,
    'refused',
  ],
  ['has 254 sizes that multiply past 2^53', header(8, ...new Array<number>(254).fill(2 ** 32 - 1)), 0, 'refused'],
  [
    'is longer than its 255 sizes of 1',
    Buffer.concat([header(8, ...new Array<number>(255).fill(1)), zeros(1)]),
    0,
    'refused',
  ],
  ['has 255 sizes and needs too much memory', header(8, 2 ** 31, ...new Array<number>(254).fill(1)), 0, 'refused'],
  ['announces 4 billion records without a byte', Buffer.concat([header(8, 2 ** 32 - 1, 0)]), 0, 'read'],
]

describe.each(['decodeIdx', 'streamIdx'] as const)('%s', (how) => {
  let reader: Awaited<ReturnType<typeof hostileReader>>
  beforeAll(async () => {
    const source = new URL('./index.ts', import.meta.url)
    reader =
      how === 'decodeIdx'
        ? await hostileReader<typeof idx>(source, ({ decodeIdx }, bytes) => decodeIdx(bytes))
        : await hostileReader<typeof idx>(source, async ({ streamIdx }, bytes) => {
            const small = async function* () {
              for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
            }
            const { records } = await streamIdx(bytes.length < 1000 ? small() : new Blob([bytes]).stream())
            for await (const record of records) if (record.length < 0) return
          })
  })
  afterAll(() => reader.close())

  test.each(bombs)('a file that %s', async (_, bytes, asked, outcome) => {
    const reading = await reader.read(bytes)
    expect(reading.outcome, reading.message).toBe(outcome)
    expectBounded(reading, bytes, asked)
  })

  test('whatever the bytes, they are read or refused with a sentence', async () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .uint8Array({ maxLength: 40 })
        .map((rest) => Uint8Array.of(0, 0, 8 + ((rest[0] ?? 0) % 7), (rest[1] ?? 0) % 4, ...rest)),
      fc.uint8Array({ maxLength: 40 }).map((rest) => Uint8Array.of(0x1f, 0x8b, 8, 0, ...rest)),
    )
    const sound = writeIdx({ type: 'int16', shape: [6, 4, 4], data: Int16Array.from({ length: 96 }, (_, i) => 7 * i) })
    const times = process.env['DIGITLAB_ALL'] === '1' ? 20 : 1
    await expectReadOrRefused(reader, [
      ...madeFiles('bytes', anyBytes, 500 * times),
      ...damagedFiles({ sound, packed: packed(Buffer.from(sound)) }, 500 * times),
    ])
  })
})
