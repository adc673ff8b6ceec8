import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeIdx, IdxError, idxTypes, readIdx, streamIdx, writeIdx, type IdxArray, type IdxType } from './index'
import { expectSentence } from '../../../tooling/vitest/hostile'
import { bitsOf, inPieces, text } from '../../../tooling/vitest/pieces'

/** Goes through a whole stream; how many records there were. */
const drain = async (pieces: AsyncIterable<Uint8Array>) => {
  let count = 0
  for await (const record of (await streamIdx(pieces)).records) count += Math.min(1, record.length)
  return count
}

const types = Object.keys(idxTypes) as IdxType[]

/** Any array: any type, rank 0 to 5, sizes 0 to 4, any bits. */
const anyArray: fc.Arbitrary<IdxArray> = fc
  .tuple(fc.constantFrom(...types), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }))
  .chain(([type, shape]) => {
    const { size, array } = idxTypes[type]
    const bytes = shape.reduce((product, side) => product * side, size)
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((bits) => ({ type, shape, data: new array(bits.slice().buffer) }) as IdxArray)
  })

describe('what is written is read back, to the bit', () => {
  test('any array, plain and compressed', async () => {
    await fc.assert(
      fc.asyncProperty(anyArray, async (array) => {
        const bytes = writeIdx(array)
        for (const read of [readIdx(bytes), await decodeIdx(bytes), await decodeIdx(gzipSync(bytes))]) {
          expect([read.type, read.shape]).toEqual([array.type, array.shape])
          expect(bitsOf(read.data)).toEqual(bitsOf(array.data))
        }
      }),
      { numRuns: 200 },
    )
  })

  test('any array as a stream, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(anyArray, fc.integer({ min: 1, max: 40 }), fc.boolean(), async (array, piece, compressed) => {
        const bytes = compressed ? gzipSync(writeIdx(array)) : writeIdx(array)
        const { type, shape, recordShape, records } = await streamIdx(inPieces(bytes, piece))
        expect([type, shape, recordShape]).toEqual([array.type, array.shape, array.shape.slice(1)])
        const read: number[] = []
        for await (const record of records) read.push(...bitsOf(record))
        expect(read).toEqual(bitsOf(array.data))
      }),
      { numRuns: 100 },
    )
  })
})

test('the bytes are those of the format', () => {
  const bytes = writeIdx({ type: 'int16', shape: [2, 1], data: Int16Array.of(1, -2) })
  expect([...bytes]).toEqual([0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0xff, 0xfe])
  expect([...writeIdx({ type: 'uint8', shape: [], data: Uint8Array.of(7) })]).toEqual([0, 0, 8, 0, 7])
})

test('the class of the data tells the type where it is not named', () => {
  for (const type of types) {
    const data = new idxTypes[type].array(2)
    expect(readIdx(writeIdx({ shape: [2], data }))).toEqual({ type, shape: [2], data })
  }
})

test('uint8 is a view of the file, without a copy, wherever the file lies in memory', () => {
  const file = writeIdx({ type: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3) })
  const memory = new Uint8Array(100)
  memory.set(file, 33)
  const { data } = readIdx(memory.subarray(33, 33 + file.length))
  expect(data.buffer).toBe(memory.buffer)
  expect([...data]).toEqual([1, 2, 3])
})

describe('what is no IDX file is refused in one sentence with both values', () => {
  const good = writeIdx({ type: 'uint8', shape: [2, 3], data: new Uint8Array(6) })
  const header = (...sizes: number[]) => {
    const view = new DataView(new ArrayBuffer(4 + 4 * sizes.length))
    view.setUint32(0, 0x0800 + sizes.length)
    sizes.forEach((size, i) => view.setUint32(4 + 4 * i, size))
    return new Uint8Array(view.buffer)
  }
  const cases: [string, Uint8Array, string][] = [
    ['cut off', good.subarray(0, 17), 'expected 18 bytes for [2, 3] uint8, the file holds 17 (x.idx)'],
    ['too long', Uint8Array.of(...good, 0), 'expected 18 bytes for [2, 3] uint8, the file holds 19 (x.idx)'],
    ['empty', new Uint8Array(0), 'the file ends after 0 bytes (x.idx)'],
    ['a header cut off', good.subarray(0, 9), 'the file ends after 9 bytes'],
    ['text', text('hello there'), 'starts with 00 00, found 68 65 6c 6c (x.idx): is it another file?'],
    ['an unknown type', Uint8Array.of(0, 0, 0x0a, 0), 'expected an IDX type (08, 09, 0b, 0c, 0d or 0e)'],
    [
      'sizes past the file',
      header(60000, 28, 28),
      'expected 47040016 bytes for [60000, 28, 28] uint8, the file holds 16',
    ],
    ['sizes past 2^53', header(2 ** 31, 2 ** 31, 2 ** 31), 'multiply past 2^53 bytes (x.idx)'],
    ['sizes past 2^53 hidden by a zero', header(2 ** 31, 2 ** 31, 2 ** 31, 0), 'multiply past 2^53 bytes'],
    ['rank 255 of 2^32 - 1', header(...new Array<number>(255).fill(2 ** 32 - 1)), 'multiply past 2^53 bytes'],
    [
      'more sizes than anybody reads',
      header(...new Array<number>(100).fill(1)),
      'expected 405 bytes for [1, 1, 1, 1, 1, 1, 1, 1 and 92 more] uint8, the file holds 404',
    ],
  ]
  test.each(cases)('%s', async (_, bytes, message) => {
    expect(() => readIdx(bytes, { name: 'x.idx' })).toThrow(IdxError)
    expect(() => readIdx(bytes, { name: 'x.idx' })).toThrow(message)
    await expect(decodeIdx(gzipSync(bytes), { name: 'x.idx' })).rejects.toThrow(IdxError)
    await expect(drain(inPieces(bytes, 5))).rejects.toThrow(IdxError)
  })

  test.each([
    ['control characters', 'x\n\x1b[2J\x7f\u009b\u2028\u202e\ud800.idx'],
    ['a name of 60,000', '\x1b'.repeat(60_000)],
  ])('a sentence of one line about a file with %s in its name', (_, name) => {
    const refused = () => readIdx(good.subarray(0, 17), { name })
    expect(refused).toThrow(/^expected 18 bytes for \[2, 3\] uint8, [^]* it was cut off or changed, get it again$/)
    expect(refused).toThrow('\\u001b')
    try {
      refused()
    } catch (error) {
      expectSentence((error as Error).message)
    }
  })

  test('damaged and cut off gzip data', async () => {
    const packed = gzipSync(good)
    await expect(decodeIdx(packed.subarray(0, -9), { name: 'x.gz' })).rejects.toThrow(
      'the gzip data are damaged or cut off',
    )
    const flipped = Uint8Array.from(packed, (byte, i) => (i === packed.length - 6 ? byte ^ 1 : byte))
    await expect(decodeIdx(flipped)).rejects.toThrow(IdxError)
    expect(() => readIdx(packed)).toThrow('found a gzip file: read it with decodeIdx')
  })

  test('a small file that inflates to far more than it announces is left at that', async () => {
    const bomb = gzipSync(Buffer.concat([header(1), Buffer.alloc(1_000_000)]))
    await expect(decodeIdx(bomb)).rejects.toThrow('expected 9 bytes for [1] uint8, the file inflates to more')
  })

  test('one that announces more than so few bytes can hold is not inflated', async () => {
    const vast = gzipSync(Buffer.concat([header(60000, 28, 28), Buffer.alloc(100)]))
    await expect(decodeIdx(vast, { name: 'x.gz' })).rejects.toThrow(
      `expected 47040016 bytes for [60000, 28, 28] uint8, the file has ${vast.length} of gzip, which hold less (x.gz)`,
    )
    const short = gzipSync(Buffer.concat([header(100), Buffer.alloc(10)]))
    await expect(decodeIdx(short)).rejects.toThrow('expected 108 bytes for [100] uint8, the file inflates to 18')
  })

  test('compressed data that announce more than is allowed are not inflated', async () => {
    const vast = gzipSync(Buffer.concat([header(2 ** 31 - 1, 65535), Buffer.alloc(1_000_000)]))
    await expect(decodeIdx(vast, { name: 'x.gz' })).rejects.toThrow(
      'expected at most 2147483648 bytes, the file announces 140735340806157 for [2147483647, 65535] uint8 (x.gz)',
    )
    await expect(streamIdx(inPieces(header(3, 2 ** 31, 2), 5))).rejects.toThrow('a record announces 4294967296')
    const allowed = { maxBytes: 18 }
    expect((await decodeIdx(gzipSync(good), allowed)).shape).toEqual([2, 3])
    await expect(decodeIdx(gzipSync(good), { maxBytes: 17 })).rejects.toThrow('at most 17 bytes, the file announces 18')
  })

  test.each([
    ['version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n', 'a Git LFS pointer', 'git lfs pull'],
    ['\n<!DOCTYPE HTML><title>sign in</title>', 'a web page (HTML)', 'get the file itself'],
    ['\ufeff<!-- made by x --> <html lang="en">', 'a web page (HTML)', 'get the file itself'],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 'an XML document', 'error message'],
    ['{"message":"not found"}', 'a JSON document', 'give the data file'],
    ['PK\x03\x04 and more', 'a zip archive', 'unpack it'],
    [`train-labels-idx1-ubyte${'\0'.repeat(234)}ustar\0`, 'a tar archive', 'unpack it'],
  ])('%j is called what it is', async (words, what, remedy) => {
    for (const bytes of [text(words), gzipSync(text(words))]) {
      const failed = decodeIdx(bytes, { name: 'x.idx' })
      await expect(failed).rejects.toThrow(`which starts with 00 00, found ${what}`)
      await expect(failed).rejects.toThrow('(x.idx): ')
      await expect(failed).rejects.toThrow(remedy)
      await expect(streamIdx(inPieces(bytes, 7))).rejects.toThrow(`found ${what}`)
    }
  })

  test('values that make no file', () => {
    expect(() => writeIdx({ shape: [1], data: new Uint16Array(1) as unknown as Int16Array })).toThrow(
      'expected one of Uint8Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array as data, found a Uint16Array',
    )
    const write = (array: object) => () => writeIdx(array as IdxArray)
    expect(write({ type: 'uint8', shape: [2], data: new Uint8Array(3) })).toThrow('expected 2 values for [2], found 3')
    expect(write({ type: 'int8', shape: [3], data: new Uint8Array(3) })).toThrow(
      'expected a Int8Array for int8, found a Uint8Array',
    )
    expect(write({ type: 'uint8', shape: [1.5], data: new Uint8Array(1) })).toThrow('found 1.5 in [1.5]')
    expect(write({ type: 'uint64', shape: [], data: new Uint8Array(1) })).toThrow('there is no IDX type "uint64"')
    expect(write({ type: 'uint8', shape: new Array(256).fill(1), data: new Uint8Array(1) })).toThrow('found 256')
  })
})

test('needs nothing else', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as object
  expect(manifest).not.toHaveProperty('dependencies')
  expect(manifest).not.toHaveProperty('peerDependencies')
})
