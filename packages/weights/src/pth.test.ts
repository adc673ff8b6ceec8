import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveModel, type StateDict } from '@digitlab/models'
import { zipSync } from 'fflate'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findModel, readPth, WeightsError, writePth } from './index'

const data = (name: string) => readFileSync(new URL(`../test-data/${name}`, import.meta.url))
const ascii = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0))

const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
const anyWeights: fc.Arbitrary<StateDict> = fc
  .uniqueArray(fc.tuple(fc.string({ maxLength: 12 }), shape), { selector: ([name]) => name, maxLength: 5 })
  .chain((entries) =>
    fc.tuple(
      ...entries.map(([name, shape]) => {
        const length = 4 * shape.reduce((product, size) => product * size, 1)
        return fc
          .uint8Array({ minLength: length, maxLength: length })
          .map((bits) => [name, { shape, data: new Float32Array(bits.slice().buffer) }] as const)
      }),
    ),
  )
  .map((entries) => new Map(entries))

const bits = (weights: StateDict) =>
  [...weights].map(([name, { shape, data }]) => [
    name,
    shape,
    [...new Uint8Array(data.buffer, data.byteOffset, 4 * data.length)],
  ])

describe('files that PyTorch wrote', () => {
  test.each(['linear', 'two-layer', 'cnn'])('%s has the entries of its model', (name) => {
    const held = readPth(data(`${name}.pth`))
    expect(findModel(held).model.name).toBe(name)
    expect([...held.weights.keys()]).toEqual(resolveModel(name).parameters.map((parameter) => parameter.name))
  })

  test('the format before zip holds the same', () => {
    expect(bits(readPth(data('linear-legacy.pth')).weights)).toEqual(bits(readPth(data('linear.pth')).weights))
  })

  test.each(['odd.pth', 'odd-legacy.pth'])('element types, strides, offsets and shared storages: %s', (file) => {
    const wanted = JSON.parse(data('odd.json').toString()) as Record<string, { shape: number[]; data: number[] }>
    const { weights, integers } = readPth(data(file))
    expect([...weights.keys(), ...integers.keys()]).toEqual(Object.keys(wanted))
    for (const [name, { shape, data }] of [...weights, ...integers]) {
      expect(shape, name).toEqual(wanted[name]?.shape)
      expect(Array.from<number | bigint, number>(data, Number), name).toEqual(wanted[name]?.data.map(Math.fround))
    }
    expect(integers.get('int64')?.data).toEqual(BigInt64Array.of(0n, -7n, 1n << 40n))
  })
})

test('what is written is read back to the bit, and gives the same bytes', () => {
  fc.assert(
    fc.property(anyWeights, (weights) => {
      const bytes = writePth(weights)
      const read = readPth(bytes).weights
      expect(bits(read)).toEqual(bits(weights))
      expect(Buffer.from(writePth(read)).equals(bytes)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('PyTorch takes what is written, with weights_only', ({ skip }) => {
  const python = process.env['DIGITLAB_PYTHON'] ?? 'python3'
  if (spawnSync(python, ['-c', 'import torch']).status !== 0) return skip('python3 has no torch')
  const folder = mkdtempSync(join(tmpdir(), 'digitlab-pth-'))
  try {
    const { weights } = readPth(data('cnn.pth'))
    weights
      .set('scalar', { shape: [], data: Float32Array.of(0.1) })
      .set('none', { shape: [0, 3], data: new Float32Array(0) })
    writeFileSync(join(folder, 'ours.pth'), writePth(weights))
    const script = [
      'import sys, torch',
      'ours = torch.load(sys.argv[1], weights_only=True)',
      'theirs = torch.load(sys.argv[2], weights_only=True)',
      'assert type(ours).__name__ == "OrderedDict"',
      'assert list(ours)[:-2] == list(theirs)',
      'for name in theirs: assert torch.equal(ours[name], theirs[name]) and ours[name].stride() == theirs[name].stride(), name',
      'assert ours["scalar"].shape == () and ours["none"].shape == (0, 3)',
    ].join('\n')
    const theirs = new URL('../test-data/cnn.pth', import.meta.url).pathname
    const { status, stderr } = spawnSync(python, ['-c', script, join(folder, 'ours.pth'), theirs], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 180_000)

describe('what is damaged or hostile is refused with what is wrong', () => {
  const zip = (pickle: readonly number[], more: Record<string, Uint8Array> = {}) =>
    zipSync({ 'a/data.pkl': Uint8Array.from(pickle), ...more }, { level: 0 })
  const text = (value: string) => [0x58, value.length, 0, 0, 0, ...ascii(value)]
  const dict = (...entries: number[][]) => [0x80, 2, 0x7d, 0x28, ...entries.flat(), 0x75, 0x2e]
  const global = (name: string) => [0x63, ...ascii(name.replace(' ', '\n')), 0x0a]
  const tuple = (...sizes: number[]) => [
    0x28,
    ...sizes.flatMap((size) => [0x4a, ...new Uint8Array(Int32Array.of(size).buffer)]),
    0x74,
  ]
  const tensor = (key: string, count: number, offset: number, shape: number[], strides: number[]) => [
    ...[...global('torch._utils _rebuild_tensor_v2'), 0x28, 0x28, ...text('storage'), ...global('torch FloatStorage')],
    ...[...text(key), ...text('cpu'), ...tuple(count).slice(1, -1), 0x74, 0x51],
    ...[...tuple(offset).slice(1, -1), ...tuple(...shape), ...tuple(...strides), 0x74, 0x52],
  ]
  const four = { 'a/data/0': new Uint8Array(16) }
  const entry = (...args: Parameters<typeof tensor>) => zip(dict([...text('w'), ...tensor(...args)]), four)
  const flipped = () => {
    const bytes = Uint8Array.from(data('linear.pth'))
    bytes[2000] = (bytes[2000] ?? 0) ^ 1
    return bytes
  }
  test.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'neither a zip archive nor a pickle'],
    ['half a file', data('linear.pth').subarray(0, 9000), 'its directory is missing from its 9000 bytes'],
    ['half a legacy file', data('linear-legacy.pth').subarray(0, 9000), 'ends at byte 31'],
    ['a bit of the data', flipped(), 'the record "linear/data/0" is damaged'],
    ['a command', zip([...global('os system'), ...text('ls'), 0x85, 0x52, 0x2e]), 'it asks for "os.system"'],
    ['eval', zip([...global('__builtin__ eval'), 0x2e]), '"__builtin__.eval", which is not among the names'],
    ['a prototype', zip([...global('__proto__ constructor'), 0x2e]), '"__proto__.constructor"'],
    ['an instruction for objects', zip([0x80, 2, 0x7d, 0x81, 0x2e]), 'the instruction 0x81 at byte 3'],
    ['an empty stack', zip([0x80, 2, 0x75]), 'closes what it never opened'],
    ['a list', zip([0x5d, 0x2e]), 'it holds a list, expected a dict'],
    ['an entry that is no tensor', zip(dict([...text('w'), 0x4b, 3])), 'the entry "w" is 3, expected a tensor'],
    [
      'no pickle',
      zipSync({ 'a/b': Uint8Array.of(1) }),
      'expected one data.pkl in the folder of the archive, found none',
    ],
    ['a way out', zip(dict(), { '../x': Uint8Array.of(1) }), 'the record "../x" leads out of the archive'],
    [
      'a bomb',
      zipSync({ 'a/data.pkl': new Uint8Array(64 * 2 ** 20) }),
      'its record "a/data.pkl", 67108864 bytes unpacked, takes more memory',
    ],
    ['an end past the storage', entry('0', 4, 1, [4], [1]), '"w" reaches to element 4 of a storage of 4'],
    ['strides past the storage', entry('0', 4, 0, [2, 2], [3, 1]), '"w" reaches to element 4 of a storage of 4'],
    ['a missing stride', entry('0', 4, 0, [2, 2], [1]), '"w" has 1 strides'],
    ['a negative size', entry('0', 4, 0, [-1], [1]), 'a shape or a stride in it is a tuple'],
    ['sizes past 2^53', entry('0', 4, 0, [2 ** 30, 2 ** 30], [0, 0]), 'multiplies past 2^53'],
    ['one value everywhere', entry('0', 4, 0, [2 ** 30], [0]), '"w" of shape [1073741824] takes more memory'],
    ['a storage of another size', entry('0', 5, 0, [4], [1]), 'the record "a/data/0" holds 16 bytes, expected 20'],
    ['a storage that is not there', entry('../0', 4, 0, [4], [1]), 'it has no record "a/data/../0"'],
  ])('%s', (_, bytes, message) => {
    expect(() => readPth(bytes, 'x.pth')).toThrow(WeightsError)
    expect(() => readPth(bytes, 'x.pth')).toThrow(message)
  })

  test('the byte order that a file names is followed, another is refused', () => {
    const held = (order: string) => {
      const values = new DataView(new ArrayBuffer(16))
      for (const [i, value] of [1, -0, 0.1, NaN].entries()) values.setFloat32(4 * i, value, order === 'little')
      return zip(dict([...text('w'), ...tensor('0', 4, 1, [3], [1])]), {
        'a/data/0': new Uint8Array(values.buffer),
        'a/byteorder': Uint8Array.from(ascii(order)),
      })
    }
    for (const order of ['little', 'big'])
      expect([...(readPth(held(order)).weights.get('w')?.data ?? [])]).toEqual([-0, Math.fround(0.1), NaN])
    expect(() => readPth(held('middle'))).toThrow('its byte order is "middle", expected "little" or "big"')
  })

  test('a pickle of open lists takes no stack, and of a million no memory', () => {
    const deep = (lists: number) =>
      zip([0x80, 2, ...new Array<number>(lists).fill(0x5d), ...new Array<number>(lists - 1).fill(0x61), 0x2e])
    expect(() => readPth(deep(150_000))).toThrow('it holds a list, expected a dict')
    expect(() => readPth(deep(1_000_000))).toThrow('takes more memory than a file of its length can need')
  })
})
