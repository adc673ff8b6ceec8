import { readFileSync } from 'node:fs'
import { resolveModel, type ModelDefinition, type StateDict } from '@digitlab/models'
import { zipSync } from 'fflate'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  findModel,
  readPth,
  readSafetensors,
  readWeights,
  WeightsError,
  writeOnnx,
  writePth,
  writeSafetensors,
} from './index'

const data = (name: string) => readFileSync(new URL(`../test-data/${name}`, import.meta.url))
const text = (value: string) => new TextEncoder().encode(value)

const definition: ModelDefinition = {
  name: 'tiny',
  input: [2, 2, 1],
  layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 2 }],
}
/** What the tiny files of PyTorch hold. */
const tiny = { weight: [0, 1, 2, 3, 4, 5, 6, 7].map((value) => value / 8), bias: [0.5, -1] }
const state = (names: readonly [weight: string, bias: string] = ['fc.weight', 'fc.bias']): StateDict =>
  new Map([
    [names[0], { shape: [2, 4], data: Float32Array.from(tiny.weight) }],
    [names[1], { shape: [2], data: Float32Array.from(tiny.bias) }],
  ])
const values = (weights: StateDict) => Object.fromEntries([...weights].map(([name, { data }]) => [name, [...data]]))
const wanted = { 'fc.weight': tiny.weight, 'fc.bias': tiny.bias }

describe('a file is told by its bytes, whatever it is called', () => {
  const model = resolveModel(definition)
  const files = {
    safetensors: writeSafetensors(state()),
    pth: writePth(state()),
    onnx: writeOnnx(model, state()),
    legacy: data('linear-legacy.pth'),
  }
  test.each(['a.pth', 'a.pt', 'a.ckpt', 'a.pth.tar', 'a.bin', 'a.safetensors', 'a.onnx', 'a', 'a.SAFETENSORS'])(
    '%s',
    (name) => {
      for (const bytes of [files.safetensors, files.pth, files.onnx])
        expect(values(findModel(readWeights(bytes, name), { model: definition }).weights)).toEqual(wanted)
      expect(readWeights(files.legacy, name).weights.get('fc.bias')?.shape).toEqual([10])
    },
  )

  test('headers of every length are safetensors', () => {
    for (let length = 0; length < 300; length++) {
      const bytes = writeSafetensors(state(), { metadata: { a: ' '.repeat(length) } })
      expect(readWeights(bytes, 'a.pth').weights.size).toBe(2)
    }
    const long = writeSafetensors(state(), { metadata: { a: ' '.repeat(0x4b50 - 0xa8 + 16) } })
    expect([...long.subarray(0, 2)]).toEqual([0x50, 0x4b]) // as a zip archive begins
    expect(readWeights(long, 'a.pth').weights.size).toBe(2)
  })

  test('bytes behind a zip archive belong to no record', () => {
    for (const extra of [1, 100, 4096]) {
      const bytes = new Uint8Array(files.pth.length + extra).fill(7)
      bytes.set(files.pth)
      expect(values(readWeights(bytes).weights)).toEqual(wanted)
    }
  })

  test.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'x.pth is empty'],
    [
      'a pointer',
      text('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'),
      'x.pth is a pointer of Git LFS, not the file itself: fetch it with "git lfs pull"',
    ],
    ['a page', text('\n<!DOCTYPE html>\n<html><title>Sign in</title>'), 'x.pth is a web page, not the file itself'],
    ['a page with a byte order mark', text('\ufeff<html lang="en">'), 'x.pth is a web page'],
    ['an error of a bucket', text('<?xml version="1.0"?><Error>'), 'x.pth is a web page'],
    ['JSON', text('{"message": "Not Found"}'), 'x.pth is JSON text, not weights'],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3), 'x.pth is packed with gzip'],
    ['HDF5', Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10), 'x.pth is an HDF5 file, as Keras writes it'],
    ['an archive of pictures', zipSync({ 'a.png': text('b') }), 'expected one data.pkl in the folder of the archive'],
    ['a program', zipSync({ 'm/data.pkl': text('x'), 'm/constants.pkl': text('x') }), 'it is a TorchScript program'],
  ])('%s is called what it is', (_, bytes, sentence) => {
    expect(() => readWeights(bytes, 'x.pth')).toThrow(WeightsError)
    expect(() => readWeights(bytes, 'x.pth')).toThrow(sentence)
  })

  test('what is none of them', () => {
    expect(() => readWeights(text('hello'), 'notes.txt')).toThrow(
      'notes.txt is not a safetensors, PyTorch or ONNX file',
    )
    expect(() => readWeights(text('hello'), 'x.safetensors')).toThrow('x.safetensors is not a valid safetensors file')
  })
})

describe('what PyTorch saves beside weights', () => {
  test('a checkpoint: its state dict is read, whatever else torch.load takes lies beside it', () => {
    const held = readWeights(data('checkpoint.pth'))
    const { weights, notes } = findModel(held, { model: definition })
    expect(values(weights)).toEqual(wanted)
    expect([...held.notes, ...notes]).toEqual([
      'the weights are its "model", beside "epoch", "optimizer", "rng", "mask", "index", "dtype", "device", "size"',
      'all its entries begin with "module.", which was taken off',
    ])
  })

  test('of several state dicts one is named', () => {
    const bytes = data('two-dicts.pth')
    const read = () => readPth(bytes, 'x.pth')
    expect(read).toThrow('x.pth holds several state dicts, "model", "ema": say which is meant by its name')
    expect(read).toThrow(expect.objectContaining({ choices: ['model', 'ema'] }) as Error)
    expect([...readPth(bytes, 'x.pth', { key: 'ema' }).weights.keys()]).toEqual(['module.fc.weight', 'module.fc.bias'])
    expect(values(readPth(bytes, 'x.pth', { key: 'nested.deep' }).weights)).toEqual(wanted)
    expect(readPth(bytes, 'x.pth', { key: 'nested' }).notes).toEqual(['the weights are its "nested.deep"'])
    expect(() => readPth(bytes, 'x.pth', { key: 'best' })).toThrow(
      'it holds no "best", it holds "model", "ema", "nested"',
    )
    expect(() => readPth(data('checkpoint.pth'), 'x.pth', { key: 'optimizer' })).toThrow(
      'it holds no state dict: the entry "state" is a dict, expected a tensor',
    )
  })

  test('parameters, as list(model.named_parameters()) gives them', () => {
    expect(values(readPth(data('parameters.pth')).weights)).toEqual(wanted)
  })

  test('float8 is a weight, integers and booleans lie apart', () => {
    const { weights, integers } = readPth(data('types.pth'))
    expect(values(weights)).toEqual({ float8: [1, -2, 448], float8b: [1, -2, 57344] })
    expect(Object.fromEntries([...integers].map(([name, { data }]) => [name, data]))).toEqual({
      uint16: Uint16Array.of(1, 65535),
      uint8: Uint8Array.of(0, 255),
      bool: Uint8Array.of(1, 0),
      int16: Int16Array.of(-2, 3),
      int8: Int8Array.of(-128, 127),
    })
  })
})

describe('what the weights are of', () => {
  const contents = (weights: StateDict, metadata: Record<string, string> = {}) =>
    readSafetensors(writeSafetensors(weights, { metadata }))

  test('the order of the entries does not matter: the last layer says how many classes there are', () => {
    for (const name of ['linear', 'two-layer', 'cnn']) {
      const model = resolveModel(name, { input: [28, 28, 1], classes: 7 })
      const entries = model.parameters.map(
        ({ name, shape }) => [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }] as const,
      )
      fc.assert(
        fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
          for (const given of [undefined, name]) {
            const found = findModel(contents(new Map(shuffled)), { model: given })
            expect([found.model.name, found.model.classes]).toEqual([name, 7])
            expect([...found.weights.keys()]).toEqual(model.parameters.map((parameter) => parameter.name))
          }
        }),
        { numRuns: 10 },
      )
    }
  })

  test.each(['module.', '_orig_mod.', 'model.', 'module._orig_mod.', 'net.encoder.'])(
    'the prefix %s that all entries share is taken off, and said',
    (prefix) => {
      const { weights, notes } = findModel(contents(state([`${prefix}fc.weight`, `${prefix}fc.bias`])), {
        model: definition,
      })
      expect(values(weights)).toEqual(wanted)
      expect(notes).toEqual([`all its entries begin with "${prefix}", which was taken off`])
    },
  )

  test('a prefix of some entries, or of the model itself, is none', () => {
    expect(() => findModel(contents(state(['module.fc.weight', 'fc.bias'])), { model: definition })).toThrow(
      'needs "fc.weight"',
    )
    const own = { ...definition, layers: [{ type: 'flatten' }, { type: 'dense', name: 'module.fc', out: 2 }] } as const
    expect(findModel(contents(state(['module.fc.weight', 'module.fc.bias'])), { model: own }).notes).toEqual([])
  })

  test('metadata of another program under the name "model" do not matter', () => {
    const linear = new Map([
      ['fc.weight', { shape: [10, 784], data: new Float32Array(7840) }],
      ['fc.bias', { shape: [10], data: new Float32Array(10) }],
    ])
    for (const model of ['mnist-mlp', '{}', '{"layers":12}', '{"layers":[],"input":[1,1,1]}', 'null', '[]', '3'])
      expect(findModel(contents(linear, { model })).model.name, model).toBe('linear')
    expect(() => findModel(contents(state(), { model: 'tiny' }))).toThrow('does not say what model its weights are of')
  })

  test('integers are no weights: skipped where the model has no such entry, else refused', () => {
    const entry = (dtype: string, shape: number[], from: number, to: number) => ({
      dtype,
      shape,
      data_offsets: [from, to],
    })
    const file = (header: object, data: Uint8Array) => {
      const json = text(JSON.stringify(header))
      const bytes = new Uint8Array(8 + json.length + data.length)
      new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
      bytes.set(json, 8)
      bytes.set(data, 8 + json.length)
      return bytes
    }
    const floats = new Uint8Array(48)
    floats.set(new Uint8Array(Float32Array.from([...tiny.weight, ...tiny.bias]).buffer), 0)
    floats.set([9, 0, 0, 0, 0, 0, 0, 0], 40)
    const weights = { 'fc.weight': entry('F32', [2, 4], 0, 32), 'fc.bias': entry('F32', [2], 32, 40) }
    const held = readSafetensors(file({ ...weights, 'bn.num_batches_tracked': entry('I64', [], 40, 48) }, floats))
    expect(held.integers.get('bn.num_batches_tracked')).toEqual({ shape: [], data: BigInt64Array.of(9n) })
    const found = findModel(held, { model: definition })
    expect(values(found.weights)).toEqual(wanted)
    expect(found.notes).toEqual(['skipped because they are integers: "bn.num_batches_tracked"'])
    const whole = { 'fc.weight': entry('I8', [2, 4], 0, 8), 'fc.bias': entry('F32', [2], 8, 16) }
    expect(() => findModel(readSafetensors(file(whole, new Uint8Array(16))), { model: definition })).toThrow(
      '"fc.weight" of the model "tiny" is of integers, expected floats',
    )
    const strange = { 'fc.weight': entry('C64', [2], 0, 16) }
    const read = () => readSafetensors(file(strange, new Uint8Array(16)), 'x.safetensors')
    expect(read).toThrow('x.safetensors can\'t be read: "fc.weight" is of type C64')
  })
})

test('every code of the 8-bit floats', () => {
  // As PyTorch widens them: the largest, the smallest, both zeros, and what is no number.
  const type = (dtype: string, ...codes: number[]) => {
    const header = JSON.stringify({ a: { dtype, shape: [codes.length], data_offsets: [0, codes.length] } })
    const bytes = new Uint8Array(8 + header.length + codes.length)
    bytes[0] = header.length
    bytes.set(text(header), 8)
    bytes.set(codes, 8 + header.length)
    return [...(readSafetensors(bytes).weights.get('a')?.data ?? [])]
  }
  expect(type('F8_E4M3', 0x7e, 0x01, 0x08, 0x00, 0x80, 0x7f, 0xff)).toEqual([448, 2 ** -9, 2 ** -6, 0, -0, NaN, NaN])
  expect(type('F8_E5M2', 0x7b, 0x01, 0x7c, 0xfc, 0x7d)).toEqual([57344, 2 ** -16, Infinity, -Infinity, NaN])
  expect(type('F8_E4M3FNUZ', 0x7f, 0x01, 0x80)).toEqual([240, 2 ** -10, NaN])
  expect(type('F8_E5M2FNUZ', 0x7f, 0x01, 0x80)).toEqual([57344, 2 ** -17, NaN])
})
