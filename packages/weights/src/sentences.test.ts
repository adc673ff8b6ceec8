// Whatever names a stranger's file of weights has, they make no sentence long, of several lines or full of control characters.
import { checkStateDict, resolveModel, type StateDict, type StateEntry } from '@digitlab/models'
import { zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { expectSentence } from '../../../tooling/vitest/hostile'
import { findModel, readWeights } from './index'
import { floats, onnxFile, tensorOf } from './testing/onnx-file'
import { fc1, fc2, flatten, gemm, plain } from './testing/onnx-graphs'

/** What breaks a line, clears a screen, turns text round or is half a character. */
const steering = '\n\r\u001b[2J\u007f\u009b31m\u2028\u2029\u202e\u061c\ud800'
const long = (length: number) => steering.repeat(length / steering.length)
const names = (count: number) => Array.from({ length: count }, (_, i) => `${i}${long(200)}`)

const header = (json: string): Uint8Array => {
  const text = new TextEncoder().encode(json)
  const bytes = new Uint8Array(8 + text.length)
  new DataView(bytes.buffer).setUint32(0, text.length, true)
  bytes.set(text, 8)
  return bytes
}
const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
const tensor = (part: string) => header(`{${JSON.stringify(long(5000))}:{${part}}}`)

const text = (value: string): number[] => {
  const bytes = new TextEncoder().encode(value)
  return [0x58, ...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes]
}
/** A pickle of a dict whose entries are each followed by their value. */
const dict = (entries: readonly (readonly [string, readonly number[]])[]): number[] => [
  ...[0x7d, 0x28],
  ...entries.flatMap(([key, value]) => [...text(key), ...value]),
  0x75,
]
const pth = (value: readonly number[]) =>
  zipSync({ 'a/data.pkl': Uint8Array.from([0x80, 2, ...value, 0x2e]) }, { level: 0 })
const none = [0x4e]

const files: [what: string, bytes: Uint8Array, key?: string][] = [
  ['safetensors of a deep type', tensor(`"dtype":${deep(1000)},"shape":[1],"data_offsets":[0,0]`)],
  ['safetensors of a deep shape', tensor(`"dtype":"F32","shape":${deep(1000)},"data_offsets":[0,0]`)],
  ['safetensors of a long type', tensor(`"dtype":${JSON.stringify(long(5000))},"shape":[1],"data_offsets":[0,0]`)],
  ['safetensors of long sizes', tensor(`"dtype":"F32","shape":[${`${2 ** 50},`.repeat(9)}1],"data_offsets":[0,0]`)],
  ['safetensors of other places', tensor('"dtype":"F32","shape":[1],"data_offsets":[4,8]')],
  ['safetensors that are no JSON', header(`{"a":${steering}`)],
  ['a pickle that asks for a name in control characters', pth([...text(long(200)), ...text(long(200)), 0x93])],
  ['a dict of what are no tensors', pth(dict([[long(5000), none]]))],
  ['a dict without what is asked for', pth(dict(names(200).map((name) => [name, none]))), long(5000)],
  ['an archive with a record of such a name', zipSync({ [long(5000)]: new Uint8Array(1), 'a/b': new Uint8Array(0) })],
  [
    'a graph of a node of such names',
    onnxFile({ ...plain, nodes: [flatten, { op: long(500), in: ['f'], out: long(500) }] }),
  ],
  [
    'a graph of a node of such names and a name of its own',
    onnxFile({
      ...plain,
      nodes: [flatten, { op: long(500), in: ['f'], out: 'y', name: long(500), domain: long(500) }],
    }),
  ],
  [
    'a graph that branches into nodes of such names',
    onnxFile({
      nodes: [flatten, ...names(9).map((name) => ({ op: `Relu${name}`, in: ['f'], out: name, name }))],
      initializers: [],
    }),
  ],
  [
    'a graph that gives another value',
    onnxFile({ nodes: [flatten, gemm('f', 'fc1', long(500))], initializers: fc1, outputs: [`y${long(500)}`] }),
  ],
  [
    'a graph with a tensor of such a name',
    onnxFile({
      nodes: [flatten, { op: 'MatMul', in: ['f', long(500)], out: 'y' }],
      initializers: [tensorOf(long(500), [2], 99)],
    }),
  ],
  [
    'a graph of windows of many sides',
    onnxFile({
      nodes: [
        { op: 'Conv', in: ['x', 'w'], out: 'c', with: { kernel_shape: new Array<number>(4000).fill(3) } },
        ...plain.nodes.slice(1),
      ],
      initializers: [...fc1, ...fc2, floats('w', [1, 1, 3, 3], new Array<number>(9).fill(1))],
    }),
  ],
  ['a graph of an input of many sizes', onnxFile({ ...plain, input: ['N', ...new Array<number>(4000).fill(3)] })],
]

test.each(files)('%s', (_, bytes, key) => {
  const read = () => readWeights(bytes, 'x.pth', key === undefined ? {} : { key })
  expect(read).toThrow(expect.objectContaining({ mendable: true }) as Error)
  try {
    read()
  } catch (error) {
    expectSentence((error as Error).message)
  }
})

test('weights of another model: what it needs and what they hold, in one sentence', () => {
  const one: StateEntry = { shape: new Array<number>(1000).fill(1), data: new Float32Array(1) }
  const held = (from: StateDict, ...more: string[]): StateDict =>
    new Map([...from, ...more.map((name): [string, StateEntry] => [name, one])])
  const linear = resolveModel('linear')
  const own: StateDict = new Map(linear.entries.map(({ name, shape }) => [name, { shape, data: new Float32Array(1) }]))
  for (const weights of [held(new Map(), ...names(300)), held(own, ...names(300)), held(own, ...own.keys())]) {
    expect(() => checkStateDict(linear, weights)).toThrow('"linear"')
    for (const check of [
      () => checkStateDict(linear, weights),
      () => findModel({ weights, metadata: new Map() }, { model: 'linear' }),
    ])
      try {
        check()
      } catch (error) {
        expect(error).toMatchObject({ mendable: true })
        expectSentence((error as Error).message)
      }
  }
})
