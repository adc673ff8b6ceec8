// Files that ask for all memory, read in a process of their own: what each takes is held to 64 MB and four times the file.
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { expectBounded, hostileReader } from '../../../tooling/vitest/hostile'
import type * as weights from './index'
import { message, onnxFile, tensorOf } from './testing/onnx-file'

vi.setConfig({ testTimeout: 120_000 })

let reader: Awaited<ReturnType<typeof hostileReader>>
beforeAll(async () => {
  reader = await hostileReader<typeof weights>(new URL('./index.ts', import.meta.url), ({ readWeights }, bytes) =>
    readWeights(bytes, 'x.pth'),
  )
})
afterAll(() => reader.close())

const million = 2 ** 20
const repeated = (unit: readonly number[], count: number): Uint8Array => {
  const bytes = new Uint8Array(unit.length * count)
  if (unit.length === 1) return bytes.fill(unit[0] ?? 0)
  for (let i = 0; i < count; i++) bytes.set(unit, i * unit.length)
  return bytes
}
const joined = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
const packed = (pickle: Uint8Array, level: 0 | 9) => zipSync({ 'a/data.pkl': pickle }, { level })
const legacy = (pickle: Uint8Array) => {
  const magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]
  const order = Array.from('little_endian', (letter) => letter.charCodeAt(0))
  return joined(
    ...[magic, [0x80, 2, 0x4d, 0xe9, 0x03, 0x2e]],
    ...[[0x80, 2, 0x7d, 0x58, order.length, 0, 0, 0, ...order, 0x88, 0x73, 0x2e], pickle],
  )
}
const header = (json: string | Uint8Array, data = 0) => {
  const text = typeof json === 'string' ? new TextEncoder().encode(json) : json
  const bytes = new Uint8Array(8 + text.length + data)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

/** Each opcode makes an object; then the value, and the end. */
const pickles: Record<string, readonly [unit: readonly number[], count: number]> = {
  'empty dicts': [[0x7d], 2 * million],
  'empty lists': [[0x5d], 2 * million],
  'empty tuples': [[0x29], 2 * million],
  'nested tuples': [[0x85], 2 * million],
  marks: [[0x28], 2 * million],
  sets: [[0x8f], 2 * million],
  'the memo': [[0x94], 2 * million],
  'numbers on the stack': [[0x4b, 7], 2 * million],
  'floats on the stack': [[0x47, 0, 0, 0, 0, 0, 0, 0, 1], 2 * million],
  'short texts': [[0x8c, 1, 0x61], million],
  'long integers': [[0x8a, 8, 1, 2, 3, 4, 5, 6, 7, 8], million],
  recalls: [[0x68, 0], 2 * million],
  'dicts that are taken off again': [[0x7d, 0x30], 2 * million],
}

describe('pickles', () => {
  test.each(Object.entries(pickles))('%s', async (_, [unit, count]) => {
    const pickle = joined([0x80, 2, 0x4e, 0x94], repeated(unit, count), [0x2e])
    const bytes = packed(pickle, 9)
    expect(bytes.length).toBeLessThan(100_000)
    const found = await reader.read(bytes)
    expectBounded(found, bytes)
    expect(found.outcome, found.message).toBe('refused')
  })

  test('as they are, in the format before zip, and stored in an archive', async () => {
    for (const unit of [[0x7d], [0x4b, 7]]) {
      const pickle = joined([0x80, 2, 0x4e], repeated(unit, 2 * million), [0x2e])
      for (const bytes of [legacy(pickle), packed(pickle, 0)]) {
        const found = await reader.read(bytes)
        expectBounded(found, bytes)
        expect(found.outcome, found.message).toBe('refused')
      }
    }
  })
})

describe('archives', () => {
  test('records that unpack to 120 MB, and are not asked for', async () => {
    const records = Object.fromEntries(
      Array.from({ length: 2 }, (_, i) => [`a/data/${i}`, new Uint8Array(60 * million)] as const),
    )
    const bytes = zipSync({ 'a/data.pkl': Uint8Array.of(0x80, 2, 0x7d, 0x2e), ...records }, { level: 1 })
    const found = await reader.read(bytes)
    expectBounded(found, bytes)
    expect(found.outcome).toBe('read')
  })

  test('65,000 records of nothing', async () => {
    const records = Object.fromEntries(Array.from({ length: 65_000 }, (_, i) => [`a/${i}`, new Uint8Array(0)]))
    const bytes = zipSync({ 'a/data.pkl': Uint8Array.of(0x80, 2, 0x7d, 0x2e), ...records }, { level: 0 })
    expectBounded(await reader.read(bytes), bytes)
  })
})

describe('headers of safetensors', () => {
  const deep = '['.repeat(4 * million) + ']'.repeat(4 * million)
  test.each<[string, string]>([
    ['lists in a list', `{"a":{"dtype":[${'[],'.repeat(2 * million)}[]]}}`],
    ['objects in metadata', `{"__metadata__":{"a":[${'{},'.repeat(2 * million)}{}]}}`],
    ['strings in metadata', `{"__metadata__":{${Array.from({ length: million }, (_, i) => `"${i}":""`).join(',')}}}`],
    ['a deep list', `{"a":${deep}}`],
    ['nothing but depth', deep],
    ['numbers', `{"a":{"shape":[${'1,'.repeat(4 * million)}1]}}`],
    ['one long text', `{"a":"${'b'.repeat(8 * million)}"}`],
    ['blanks', `{${' '.repeat(8 * million)}}`],
    [
      'a million entries',
      `{${Array.from({ length: million / 4 }, (_, i) => `"${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`).join(',')}}`,
    ],
  ])('%s', async (_, json) => {
    const bytes = header(json)
    const found = await reader.read(bytes)
    expectBounded(found, bytes)
    expect(['refused', 'read'], found.message).toContain(found.outcome)
  })
})

describe('messages of ONNX', () => {
  const inGraph = (content: Uint8Array) => message([1, 7], [7, content])
  test.each<[string, () => Uint8Array]>([
    ['empty nodes', () => inGraph(repeated([0x0a, 0], 2 * million))],
    ['empty initializers', () => inGraph(repeated([0x2a, 0], 2 * million))],
    ['empty inputs', () => inGraph(repeated([0x5a, 0], 2 * million))],
    ['empty metadata', () => joined([0x08, 7], repeated([0x72, 0], 2 * million))],
    ['inputs of one node', () => inGraph(message([1, joined(repeated([0x0a, 0], 2 * million))]))],
    ['sizes of one tensor', () => inGraph(message([5, repeated([0x08, 1], 2 * million)]))],
    ['packed sizes', () => inGraph(message([5, message([1, repeated([1], 4 * million)])]))],
    ['fields that nothing asks for', () => joined([0x08, 7], repeated([0x4a, 0], 2 * million))],
    [
      'one value everywhere',
      () =>
        onnxFile({
          nodes: [
            { op: 'Flatten', in: ['x'], out: 'f' },
            { op: 'Gemm', in: ['f', 'w'], out: 'y', with: { transB: 1 } },
          ],
          initializers: [tensorOf('w', [2 ** 20, 784], 1, [4, new Uint8Array(4)])],
        }),
    ],
    [
      'the same weights in a thousand layers',
      () => {
        const square = tensorOf('w', [784, 784], 1, [9, new Uint8Array(4 * 784 * 784)])
        const nodes = Array.from({ length: 1000 }, (_, i) => ({
          op: 'MatMul',
          in: [`x${i || ''}`, 'w'],
          out: `x${i + 1}`,
        }))
        return onnxFile({ nodes, initializers: [square], input: ['N', 784], outputs: ['x1000'] })
      },
    ],
  ])('%s', async (_, make) => {
    const bytes = make()
    const found = await reader.read(bytes)
    expectBounded(found, bytes)
    expect(found.outcome, found.message).toBe('refused')
  })
})
