import type { StateDict } from '@digitlab/models'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkFinite, readSafetensors, WeightsError, writeSafetensors } from './index'

const anyWeights: fc.Arbitrary<StateDict> = fc
  .uniqueArray(fc.tuple(fc.string({ maxLength: 12 }), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })), {
    selector: ([name]) => name,
    maxLength: 5,
  })
  .filter((entries) => entries.every(([name]) => name !== '__metadata__'))
  .chain((entries) =>
    fc.tuple(
      ...entries.map(([name, shape]) => {
        const bytes = 4 * shape.reduce((product, size) => product * size, 1)
        return fc
          .uint8Array({ minLength: bytes, maxLength: bytes })
          .map((bits) => [name, { shape, data: new Float32Array(bits.slice().buffer) }] as const)
      }),
    ),
  )
  .map((entries) => new Map(entries))

const bits = (weights: StateDict) =>
  [...weights].map(([name, { shape, data }]) => [name, shape, [...new Uint8Array(data.buffer)]])

/** A file with any header. */
const file = (header: unknown, dataBytes = 0) => {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  return bytes
}

test('what is written is read back to the bit, names like __proto__ and values like NaN included', () => {
  fc.assert(
    fc.property(anyWeights, fc.nat({ max: 7 }), (weights, offset) => {
      const bytes = writeSafetensors(weights, { metadata: { a: 'b' } })
      const moved = new Uint8Array(bytes.length + offset)
      moved.set(bytes, offset)
      const read = readSafetensors(moved.subarray(offset))
      const sorted = (entries: ReturnType<typeof bits>) => entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
      expect(sorted(bits(read.weights))).toEqual(sorted(bits(weights)))
      expect([...read.metadata]).toEqual([['a', 'b']])
    }),
    { numRuns: 200 },
  )
  const odd: StateDict = new Map([['__proto__', { shape: [1], data: Float32Array.of(3) }]])
  expect(bits(readSafetensors(writeSafetensors(odd)).weights)).toEqual(bits(odd))
})

test('entries keep their order in the file and when read, those that look like numbers included', () => {
  const names = ['b', '10', 'a', '2', '__proto__']
  const weights: StateDict = new Map(names.map((name, i) => [name, { shape: [1], data: Float32Array.of(i) }]))
  const bytes = writeSafetensors(weights, { metadata: { a: '{"not an entry":' } })
  expect([...readSafetensors(bytes).weights.keys()]).toEqual(names)
  expect([...new Float32Array(bytes.slice(-20).buffer)]).toEqual([0, 1, 2, 3, 4])
})

test('the same weights give the same bytes', () => {
  fc.assert(
    fc.property(anyWeights, (weights) => {
      const bytes = writeSafetensors(weights, { metadata: { a: 'b' } })
      const again = writeSafetensors(readSafetensors(bytes).weights, { metadata: { a: 'b' } })
      expect([...again]).toEqual([...bytes])
    }),
  )
})

test("the bytes are the format's", () => {
  const bytes = writeSafetensors(new Map([['a', { shape: [1], data: Float32Array.of(1) }]]))
  expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n)
  const header = new TextDecoder().decode(bytes.subarray(8, -4))
  expect(header.trimEnd()).toBe('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
  expect([...bytes.subarray(-4)]).toEqual([0, 0, 0x80, 0x3f])
})

test('other float types become float32', () => {
  const header = {
    half: { dtype: 'F16', shape: [4], data_offsets: [0, 8] },
    brain: { dtype: 'BF16', shape: [1], data_offsets: [8, 10] },
    double: { dtype: 'F64', shape: [1], data_offsets: [10, 18] },
  }
  const bytes = file(header, 18)
  const view = new DataView(bytes.buffer, bytes.length - 18)
  ;[0x3c00, 0xc000, 0x0001, 0x7c00].forEach((half, i) => view.setUint16(2 * i, half, true))
  view.setUint16(8, 0x4049, true)
  view.setFloat64(10, 0.1, true)
  const { weights } = readSafetensors(bytes)
  expect([...(weights.get('half')?.data ?? [])]).toEqual([1, -2, 2 ** -24, Infinity])
  expect([...(weights.get('brain')?.data ?? [])]).toEqual([3.140625])
  expect([...(weights.get('double')?.data ?? [])]).toEqual([Math.fround(0.1)])
})

describe('what is damaged or hostile is refused, naming entry, expected and found', () => {
  const entry = (more: object = {}) => ({ dtype: 'F32', shape: [1], data_offsets: [0, 4], ...more })
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  const huge = new Uint8Array(8)
  new DataView(huge.buffer).setBigUint64(0, 2n ** 63n, true)
  test.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'expected at least 8 bytes, found 0'],
    ['a huge header', huge, 'expected a header of at most 100000000 bytes'],
    ['a header past the end', file('{}').subarray(0, 9), 'its header ends at byte 10, the file at 9'],
    ['no JSON', file('{'), 'its header is not JSON'],
    ['a list', file([]), 'its header is not JSON of an object (expected "{" at character 0, found "[")'],
    ['no object', file({ a: 1 }), 'the entry "a" is 1, expected an object'],
    [
      'an unknown type',
      file({ a: entry({ dtype: 'I12' }) }, 4),
      '"a" is of type "I12", expected one of F32, F64, F16, BF16',
    ],
    ['an inherited type', file({ a: entry({ dtype: 'toString' }) }, 4), 'is of type "toString"'],
    ['a negative size', file({ a: entry({ shape: [-1] }) }, 4), 'the shape of "a" is [-1]'],
    ['sizes past 2^53', file({ a: entry({ shape: [2 ** 31, 2 ** 31] }) }, 4), 'multiplies past 2^53'],
    ['sizes that do not fit', file({ a: entry({ shape: [2] }) }, 4), '"a" of shape [2] takes 8 bytes as F32, found 4'],
    ['offsets past the end', file({ a: entry({ data_offsets: [4, 8] }) }, 4), '"a" lies at bytes 4 to 8 of 4'],
    ['offsets backwards', file({ a: entry({ data_offsets: [4, 0] }) }, 4), '"a" lies at bytes 4 to 0 of 4'],
    ['three offsets', file({ a: entry({ data_offsets: [0, 4, 8] }) }, 4), 'the offsets of "a" are [0,4,8]'],
    ['an overlap', file({ a: entry(), b: entry() }, 4), 'the data of "b" start at 0, expected 4'],
    ['a hole', file({ a: entry({ data_offsets: [4, 8] }) }, 8), 'the data of "a" start at 4, expected 0'],
    ['bytes left over', file({ a: entry() }, 5), 'expected 4 bytes of data, found 5'],
    [
      'a name twice, at the same bytes',
      file(`{"a":${JSON.stringify(entry())},"a":${JSON.stringify(entry())}}`, 4),
      'the name "a" is there twice, expected once',
    ],
    [
      'a name twice, once escaped',
      file(`{"a":${JSON.stringify(entry())},"\\u0061":${JSON.stringify(entry())}}`, 4),
      'the name "a" is there twice, expected once',
    ],
    ['a byte order mark', file('\ufeff{}'), 'its header is not JSON'],
    [
      'bytes that are no UTF-8',
      Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0xff, 0x7d),
      'its header is not JSON',
    ],
    ['a deep type', file(`{"a":{"dtype":${deep}}}`), '"a" is of type [[...]], expected'],
    ['a deep shape', file(`{"a":{"dtype":"F32","shape":${deep}}}`), 'the shape of "a" is [[...]], expected'],
    ['a deep header', file(deep), 'its header is not JSON of an object'],
    ['a deeper entry', file(`{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`), '"a" in its header has more parts'],
    ['many axes', file({ a: entry({ shape: new Array(65).fill(1) }) }, 4), 'has 65 axes, expected at most 64'],
    ['two documents', file('{}{}'), 'expected its end at character 2, found "{"'],
    ['metadata that are a list', file({ __metadata__: [] }), 'its __metadata__ is [], expected an object'],
    ['metadata that are none', file({ __metadata__: { a: 1 } }), 'its metadata "a" is 1, expected a string'],
  ])('%s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes, 'x.safetensors')).toThrow(WeightsError)
    expect(() => readSafetensors(bytes, 'x.safetensors')).toThrow(message)
  })

  test('a long name and a long shape are no page of a sentence', () => {
    const long = file({ ['x'.repeat(100_000)]: entry({ shape: new Array(100_000).fill(1), data_offsets: [0, 0] }) })
    expect(() => readSafetensors(long)).toThrow(/^.{1,500}$/)
  })

  test('values that make no file, and weights that are no numbers', () => {
    expect(() => writeSafetensors(new Map([['a', { shape: [2], data: new Float32Array(3) }]]))).toThrow(
      'and so 2 values, found 3',
    )
    expect(() => writeSafetensors(new Map([['__metadata__', { shape: [0], data: new Float32Array(0) }]]))).toThrow(
      WeightsError,
    )
    expect(() => checkFinite(new Map([['fc.bias', { shape: [2], data: Float32Array.of(0, NaN) }]]))).toThrow(
      'found NaN at index 1 of "fc.bias"',
    )
    expect(() => checkFinite(new Map([['fc.bias', { shape: [1], data: Float32Array.of(0) }]]))).not.toThrow()
  })
})
