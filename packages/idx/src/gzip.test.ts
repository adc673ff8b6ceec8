// Compressed files: members one after another, inflated by the runtime's zlib or by a page's stream.
import { gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { decodeIdx, IdxError, streamIdx, unpackIdx, writeIdx } from './index'
import { nativeGunzip } from './native-gunzip'
import { bitsOf, inPieces, text } from '../../../tooling/vitest/pieces'

/** Goes through a whole stream; how many records there were. */
const drain = async (pieces: AsyncIterable<Uint8Array>) => {
  let count = 0
  for await (const record of (await streamIdx(pieces)).records) count += Math.min(1, record.length)
  return count
}

describe('a gzip file is a series of members, on every runtime', () => {
  const file = writeIdx({
    type: 'uint8',
    shape: [300, 30],
    data: Uint8Array.from({ length: 9000 }, (_, i) => (i * i) >> 5),
  })
  const members = [file.subarray(0, 3), file.subarray(3, 700), new Uint8Array(0), file.subarray(700)]
  const whole = Buffer.concat(members.map((member) => gzipSync(member)))
  const zeros = Buffer.alloc(512)

  /** On a runtime with a zlib of its own, and without: a page has none. */
  const runtimes = ['with zlib', 'without'] as const
  const onRuntime = async (runtime: (typeof runtimes)[number], work: () => Promise<void>) => {
    // Node 22 refuses zeros behind a member, Node 24 and browsers another member: nothing is left to the platform.
    vi.stubGlobal('DecompressionStream', undefined)
    if (runtime === 'without') vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    try {
      await work()
    } finally {
      vi.unstubAllGlobals()
      vi.restoreAllMocks()
    }
  }

  test('the zlib of the runtime inflates what it can, in one piece of memory', async () => {
    const inflated = await nativeGunzip(whole, file.length)
    expect(Buffer.from(inflated ?? []).equals(Buffer.from(file))).toBe(true)
    expect(await nativeGunzip(whole, file.length - 1)).toBeUndefined()
    // A file that announces more than it holds is not inflated a second time to find that out.
    expect((await nativeGunzip(whole, file.length + 1))?.length).toBe(file.length)
    expect(await nativeGunzip(Buffer.concat([whole, text('x')]), file.length)).toBeUndefined()
  })

  test.each(
    runtimes.flatMap((runtime) =>
      (
        [
          ['several members', whole],
          ['zeros behind them', Buffer.concat([whole, zeros])],
          [
            'zeros between them',
            Buffer.concat([gzipSync(file.subarray(0, 5)), zeros, gzipSync(file.subarray(5)), zeros]),
          ],
        ] as const
      ).map(([what, bytes]) => [what, runtime, bytes] as const),
    ),
  )('%s, %s', async (_, runtime, bytes) =>
    onRuntime(runtime, async () => {
      expect(bitsOf((await decodeIdx(bytes)).data)).toEqual([...file.subarray(12)])
      expect(Buffer.from(await unpackIdx(bytes))).toEqual(Buffer.from(file))
      for (const piece of [1, 7, 64, 5000]) {
        const read: number[] = []
        for await (const record of (await streamIdx(inPieces(bytes, piece))).records) read.push(...bitsOf(record))
        expect(read).toEqual([...file.subarray(12)])
      }
    }),
  )

  test.each<[string, Uint8Array, string]>([
    [
      'something else behind them',
      Buffer.concat([whole, text('hello')]),
      'damaged or cut off (incorrect header check)',
    ],
    ['something else behind zeros', Buffer.concat([whole, zeros, text('x')]), 'damaged or cut off'],
    ['a second member cut off', whole.subarray(0, -20), 'damaged or cut off (the file ends within them)'],
    [
      'a second member cut off in its header',
      Buffer.concat([whole, whole.subarray(0, 5)]),
      'the file ends within them',
    ],
    [
      'a first member with a wrong check',
      whole.map((b, i) => (i === gzipSync(members[0] ?? '').length - 6 ? b ^ 1 : b)),
      'incorrect data check',
    ],
    [
      'a second member that is too much',
      Buffer.concat([whole, gzipSync(Buffer.alloc(1))]),
      'the file inflates to more',
    ],
  ])('%s is refused', async (_, bytes, message) => {
    for (const runtime of runtimes)
      await onRuntime(runtime, async () => {
        await expect(decodeIdx(bytes)).rejects.toThrow(message)
        await expect(decodeIdx(bytes)).rejects.toBeInstanceOf(IdxError)
      })
    await expect(drain(inPieces(bytes, 100))).rejects.toThrow(message.replace('inflates to', 'holds'))
  })
})
