// A file read as it comes: record by record, and its source closed whatever happens.
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { IdxError, streamIdx, writeIdx } from './index'
import { inPieces, text } from '../../../tooling/vitest/pieces'

/** Goes through a whole stream; how many records there were. */
const drain = async (pieces: AsyncIterable<Uint8Array>) => {
  let count = 0
  for await (const record of (await streamIdx(pieces)).records) count += Math.min(1, record.length)
  return count
}

test('a stream yields the first record before the last has come', async () => {
  const bytes = writeIdx({ type: 'uint8', shape: [3, 2], data: Uint8Array.of(1, 2, 3, 4, 5, 6) })
  let asked = 0
  const source = (async function* () {
    for (let at = 0; at < bytes.length; at += 2) {
      asked = at + 2
      yield bytes.subarray(at, at + 2)
    }
  })()
  const { records } = await streamIdx(source)
  for await (const record of records) {
    expect([...record]).toEqual([1, 2])
    break
  }
  expect(asked).toBeLessThan(bytes.length)
})

describe('the source of a stream', () => {
  // Data that gzip cannot shrink: a decompressor that reads ahead must not reach the end of them.
  const noise = Uint8Array.from({ length: 1_000_000 }, (_, i) => (Math.imul(i, i * 2654435769) ^ (i * i * 31)) >>> 13)
  const file = writeIdx({ type: 'uint8', shape: [1000, 1000], data: noise })
  /** Once as an iterable, once as a stream; each tells whether it was closed. */
  const sources = (bytes: Uint8Array) => {
    const closed = { iterable: 0, stream: 0 }
    const iterable = (async function* () {
      try {
        yield* inPieces(bytes, 20)
      } finally {
        closed.iterable++
      }
    })()
    let at = 0
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (at < bytes.length) return controller.enqueue(bytes.subarray(at, (at += 20)))
        closed.stream++ // read to its end
        controller.close()
      },
      cancel: () => void closed.stream++,
    })
    return { closed, both: [iterable, stream] as const }
  }

  test.each([
    ['plain', file],
    ['compressed', gzipSync(file)],
  ])('is closed where the records are left, and where they are not wanted, %s', async (_, bytes) => {
    const left = sources(bytes)
    for (const source of left.both)
      for await (const record of (await streamIdx(source)).records) {
        expect(record).toHaveLength(1000)
        break
      }
    expect(left.closed).toEqual({ iterable: 1, stream: 1 })
    const unwanted = sources(bytes)
    for (const source of unwanted.both) await (await streamIdx(source)).cancel()
    expect(unwanted.closed).toEqual({ iterable: 1, stream: 1 })
  })

  test.each([
    ['text', text('<!doctype html> and more than one piece')],
    ['damaged gzip data', Uint8Array.of(0x1f, 0x8b, ...new Uint8Array(200).fill(9))],
    ['more than is announced', Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, ...new Uint8Array(200))],
  ])('is closed after an error: %s', async (_, bytes) => {
    const { closed, both } = sources(bytes)
    for (const source of both)
      await expect(
        (async () => {
          for await (const record of (await streamIdx(source)).records) expect(record).toHaveLength(1)
        })(),
      ).rejects.toBeInstanceOf(IdxError)
    expect(closed).toEqual({ iterable: 1, stream: 1 })
  })

  test('is left at once although it says nothing more', async () => {
    const silent = async function* () {
      yield gzipSync(new Uint8Array([...file.subarray(0, 12), ...new Uint8Array(1000)])).subarray(0, -9)
      await new Promise(() => {})
    }
    await (await streamIdx(silent())).cancel()
  })

  test.each([
    ['plain', file],
    ['compressed', gzipSync(file)],
  ])('that fails is not called a damaged file, %s', async (_, bytes) => {
    const failure = new Error('the disk failed')
    const failing = async function* () {
      yield bytes.subarray(0, 60)
      throw failure
    }
    await expect(drain(failing())).rejects.toBe(failure)
  })
})
