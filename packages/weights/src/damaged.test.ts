// Files of weights, damaged and put together at random: each is refused with a sentence, or read, in bounded time and memory.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, test } from 'vitest'
import { damagedFiles, expectReadOrRefused, madeFiles } from '../../../tooling/vitest/damaged'
import { hostileReader } from '../../../tooling/vitest/hostile'
import { writeSafetensors } from './index'
import type * as weights from './index'
import { int64s, onnxFile, type NodeSpec } from './testing/onnx-file'
import { entry, gemm, viewed } from './testing/onnx-graphs'

const times = process.env['DIGITLAB_ALL'] === '1' ? 20 : 1
const data = (name: string) => new Uint8Array(readFileSync(new URL(`../test-data/${name}`, import.meta.url)))

let reader: Awaited<ReturnType<typeof hostileReader>>
beforeAll(async () => {
  reader = await hostileReader<typeof weights>(new URL('./index.ts', import.meta.url), ({ readWeights }, bytes) =>
    readWeights(bytes, 'x'),
  )
})
afterAll(() => reader.close())

const zip = (pickle: Uint8Array) => zipSync({ 'a/data.pkl': pickle }, { level: 0 })

test("whatever is damaged in PyTorch's files, and in a pickle behind a sound checksum, is read or refused", async () => {
  const names = ['odd', 'odd-legacy', 'checkpoint', 'parameters', 'two-dicts', 'types']
  const files = Object.fromEntries(names.map((name) => [`${name}.pth`, data(`${name}.pth`)]))
  const pickle = data('odd-legacy.pth').subarray(0, 1200)
  await expectReadOrRefused(reader, [
    ...damagedFiles(files, 1000 * times),
    ...damagedFiles({ pickle }, 500 * times).map(({ how, bytes }) => ({ how, bytes: zip(bytes) })),
    ...madeFiles('pickle', fc.uint8Array({ maxLength: 200 }).map(zip), 500 * times),
  ])
}, 600_000)

test('whatever is damaged in an ONNX file, and whatever graph it has, is read or refused', async () => {
  const small = onnxFile({
    ...{ nodes: [...viewed, gemm('f', 'fc', 'y')], input: ['N', 1, 2, 2] },
    initializers: [entry('fc.weight', 2, 4), entry('fc.bias', 2)],
  })
  // Graphs of sound nodes in any order, wired at random.
  const name = fc.constantFrom('x', 'f', 'h', 'r', 'y', 'fc1.weight', 'fc1.bias', 'shape', '')
  const node: fc.Arbitrary<NodeSpec> = fc.record({
    op: fc.constantFrom(
      ...['Gemm', 'MatMul', 'Conv', 'Relu', 'MaxPool', 'Flatten', 'Reshape', 'Identity', 'Dropout', 'Cast', 'Softmax'],
      ...['Add', 'Sub', 'Mul', 'Div', 'Unsqueeze', 'Shape', 'Gather', 'Concat', 'Constant', 'Transpose', 'Sigmoid'],
    ),
    in: fc.array(name, { maxLength: 3 }),
    out: name,
    with: fc.dictionary(
      fc.constantFrom(
        'transB',
        'axis',
        'pads',
        'strides',
        'kernel_shape',
        'to',
        'perm',
        'value',
        'value_ints',
        'auto_pad',
      ),
      fc.oneof(fc.integer({ min: -3, max: 3 }), fc.array(fc.integer({ min: -2, max: 3 }), { maxLength: 4 })),
    ),
  })
  const graph = fc.array(node, { maxLength: 7 }).map((nodes) =>
    onnxFile({
      nodes,
      input: ['N', 1, 2, 2],
      initializers: [entry('fc1.weight', 2, 4), entry('fc1.bias', 2), int64s('shape', [2], [-1, 4])],
    }),
  )
  await expectReadOrRefused(reader, [
    ...damagedFiles({ small }, 3000 * times),
    ...madeFiles('graph', graph, 2000 * times),
  ])
}, 600_000)

test('whatever is damaged in safetensors, and whatever JSON their header is, is read or refused', async () => {
  const sound = writeSafetensors(new Map([['fc.weight', { shape: [2, 3], data: new Float32Array(6) }]]), {
    metadata: { format: 'pt' },
  })
  const json = fc.jsonValue()
  const value = fc.oneof(json, fc.record({ dtype: json, shape: json, data_offsets: json }, { requiredKeys: [] }))
  const header = fc.oneof(json, fc.dictionary(fc.oneof(fc.string(), fc.constant('__metadata__')), value))
  const file = fc.tuple(header, fc.nat({ max: 16 })).map(([held, dataBytes]) => {
    const json = Buffer.from(JSON.stringify(held))
    const bytes = Buffer.alloc(8 + json.length + dataBytes)
    bytes.writeUInt32LE(json.length)
    bytes.set(json, 8)
    return bytes
  })
  await expectReadOrRefused(reader, [
    ...damagedFiles({ sound }, 2000 * times),
    ...madeFiles('header', file, 1000 * times),
  ])
}, 600_000)
