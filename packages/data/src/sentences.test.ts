// Whatever a file holds that a stranger brought, its names and sizes make no sentence long, of several lines or full of control characters.
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import { expectSentence } from '../../../tooling/vitest/hostile'
import { parseClassNames } from './class-names'
import { inspectDataset } from './inspect'
import { readNpy } from './npy'
import { npy } from './testing/digit-files'
import { framed, thrift } from './testing/made-parquet'
import { readByAll } from './testing/all-readers'
import { datasetFromFileList } from './web'

/** What breaks a line, clears a screen, turns text round or is half a character. */
const steering = '\n\r\u001b[2J\u007f\u009b31m\u2028\u2029\u202e\u061c\ud800'
const long = (length: number) => steering.repeat(length / steering.length)

const header = (text: string, data = new Uint8Array(0)): Uint8Array<ArrayBuffer> => {
  const json = new TextEncoder().encode(text)
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setUint32(0, json.length, true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}
const tensors = (entries: object, data?: Uint8Array<ArrayBuffer>) => header(JSON.stringify(entries), data)
const entry = (shape: unknown, end: number, dtype: unknown = 'U8') => ({ dtype, shape, data_offsets: [0, end] })
const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
const idx = (...sizes: number[]): Uint8Array<ArrayBuffer> => {
  const view = new DataView(new ArrayBuffer(4 + 4 * sizes.length))
  view.setUint32(0, 0x0800 + sizes.length)
  sizes.forEach((size, i) => view.setUint32(4 + 4 * i, size))
  return new Uint8Array(view.buffer)
}
const ones = (count: number) => new Array<number>(count).fill(1)
const zip = (files: Record<string, Uint8Array | string>, level: 0 | 6 = 0) =>
  zipSync(
    Object.fromEntries(
      Object.entries(files).map(([name, content]) => [
        name,
        typeof content === 'string' ? new TextEncoder().encode(content) : content,
      ]),
    ),
    { level },
  )
/** The archive with the checksums of its entries set wrong. */
const damaged = (archive: Uint8Array): Uint8Array => {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength)
  for (let at = 0; at + 4 <= archive.length; at++)
    if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 16, 1, true)
  return archive
}
const column = (name: string) =>
  new Uint8Array(parquetWriteBuffer({ columnData: [{ name, data: Int32Array.of(1, 2), type: 'INT32' }] }))
const csv = '0,1,2,3,4\n1,1,2,3,4\n'
const row = (label: string) => `${label},1,2,3,4\n`

const files: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ['IDX of 255 sizes', idx(...ones(255))],
  ['IDX of 255 sizes past 2^53', idx(...new Array<number>(255).fill(2 ** 32 - 1))],
  ['npy of 1000 sizes', npy(ones(1000), new Uint8Array(2))],
  ['npy of 21,000 sizes past 2^53', npy(new Array<number>(21_000).fill(9), new Uint8Array(1))],
  ['npy of 21,000 sizes with its one byte', npy(ones(21_000), new Uint8Array(1))],
  ['npz with npy of 1000 sizes', zip({ 'x.npy': npy(ones(1000), new Uint8Array(2)) })],
  ['npz with a name of 60 KB', zip({ [`${long(20_000)}x.npy`]: npy([2], new Uint8Array(3)) })],
  ['npz with a damaged entry of such a name', damaged(zip({ [`${long(20_000)}x.npy`]: npy([2], new Uint8Array(2)) }))],
  [
    'npz with several of such names',
    zip({ [`${long(200)}1.npy`]: npy([2], new Uint8Array(2)), [`${long(500)}2.npy`]: npy([2], new Uint8Array(2)) }),
  ],
  ['safetensors of a deep shape', header(`{"images":{"dtype":"U8","shape":${deep(200_000)},"data_offsets":[0,0]}}`)],
  ['safetensors of a deep size', header(`{"images":{"dtype":"U8","shape":[${deep(200_000)}],"data_offsets":[0,0]}}`)],
  ['safetensors of a deep type', header(`{"images":{"dtype":${deep(200_000)},"shape":[1],"data_offsets":[0,0]}}`)],
  ['safetensors of a deep offset', header(`{"images":{"dtype":"U8","shape":[1],"data_offsets":[${deep(200_000)},0]}}`)],
  ['safetensors of a long type', tensors({ images: entry([1], 1, long(100_000)) })],
  ['safetensors of a type in several lines', tensors({ images: entry([1], 1, `U8${steering}`) })],
  ['safetensors of a shape of 100,000', tensors({ images: entry(ones(100_000), 1) })],
  ['safetensors of long sizes', tensors({ images: entry([long(100_000)], 1) })],
  ['safetensors of a key of a megabyte', tensors({ ['k'.repeat(2 ** 20 - 100)]: entry([1], 9) })],
  ['safetensors of a key in several lines', tensors({ [steering]: entry([2], 1) }, new Uint8Array(1))],
  [
    'safetensors of keys that say nothing',
    tensors({ [long(100_000)]: entry([1], 1), [long(50)]: entry([1], 1) }, new Uint8Array(1)),
  ],
  ['a header of safetensors that is no JSON', header(`{${steering}`)],
  ['csv with a header of a megabyte', new TextEncoder().encode(`label,${'pixel,'.repeat(175_000)}\n0,1\n`)],
  ['csv with 100,000 columns of labels', new TextEncoder().encode(`${'label,'.repeat(100_000)}x\n0,1\n`)],
  ['csv with a label in control characters', new TextEncoder().encode(row('0') + row(`"\u001b[2J\u009b\u202e"`))],
  ['csv with a label of a megabyte', new TextEncoder().encode(row('0') + row('x'.repeat(2 ** 20)))],
  ['parquet with a column of 100 KB', column(long(50_000))],
  ['parquet with a column that is called so', column(`image${steering}`)],
  [
    'parquet whose nested column is damaged',
    Buffer.concat([
      Buffer.from('PAR1'),
      framed(
        thrift({
          field_1: 1,
          field_2: [
            { field_4: 'root', field_5: 1 },
            { field_3: 1, field_4: 'image', field_5: 1 },
            { field_1: 6, field_3: 1, field_4: long(50_000) },
          ],
          field_3: 6n,
          field_4: [
            {
              field_1: [
                {
                  field_2: 4n,
                  field_3: {
                    field_1: 6,
                    field_2: [0],
                    field_3: ['image', long(50_000)],
                    field_4: 0,
                    field_5: 6n,
                    field_6: 9n,
                    field_7: 9n,
                    field_9: 4n,
                  },
                },
              ],
              field_2: 9n,
              field_3: 6n,
            },
          ],
        }),
      ),
    ]),
  ],
  ['zip with a name of 60 KB', damaged(zip({ [`${long(20_000)}.csv`]: csv }))],
  ['zip with pictures in folders of such names', zip({ [`${long(5000)}/1.png`]: 'x', [`${long(6000)}/1.png`]: 'x' })],
  [
    'zip with pictures deep below such names',
    zip({ [`a/b/c/${long(5000)}/1.png`]: 'x', [`a/${long(5000)}/d/e/1.png`]: 'x' }),
  ],
  ['zip with one class of such a name', zip({ [`${long(5000)}/1.png`]: 'x' })],
  ['zip with two tables of such names', zip({ [`${long(5000)}/1.csv`]: csv, [`2${long(5000)}.csv`]: csv })],
  ['zip with a damaged IDX file of such a name', zip({ [`train-images${long(5000)}`]: idx(...ones(255)) })],
  [
    'zip with four IDX files twice',
    zip(
      Object.fromEntries(
        ['a', long(5000)].flatMap((set) =>
          ['train-images', 'train-labels', 't10k-images', 't10k-labels'].map((one) => [`${set}-${one}`, idx(1)]),
        ),
      ),
    ),
  ],
  [
    'zip with names of classes under such a name',
    zip({ 'train.csv': csv, [`${long(5000)}-classes.txt`]: '0 a\n0 b\n' }),
  ],
]

test.each(files)('%s', async (_, bytes) => {
  await readByAll(Uint8Array.from(bytes))
})

test.each(files)('%s, beside files of long names', async (_, bytes) => {
  const told: string[] = []
  const given = [steering, 'train', 'test'].map(
    (name, i) => new File([Uint8Array.from(bytes)], `${name}${long(1000)}${i}`),
  )
  const done = await datasetFromFileList(given, { onNotice: (sentence) => told.push(sentence) }).catch(
    (error: Error) => error,
  )
  expect(done).toMatchObject({ mendable: true })
  for (const sentence of [...told, (done as Error).message]) expectSentence(sentence)
})

test('what is wrong and what to do are said at both ends of however long a sentence', () => {
  const name = `${'x'.repeat(5000)}.npy`
  expect(() => readNpy(npy(ones(1000), new Uint8Array(2)), name)).toThrow(
    /^expected \d+ bytes for uint8 \[1, 1, 1, 1, 1, 1, 1, 1 and 992 more\], x+ … x+\.npy holds \d+: .*get it again$/,
  )
})

test.each([
  ['a deep list', `["a", ${deep(200_000)}]`, 'expected a name, found [[...]] (of.json): write a list of names'],
  ['an object', '{"0": {"name": "a"}}', 'expected a name, found {...} (of.json)'],
  ['null', '["a", null]', 'expected a name, found null (of.json)'],
  ['two alike in control characters', JSON.stringify([steering, steering]), 'found "\\u000a\\u000d\\u001b[2J'],
  ['two alike of a megabyte', JSON.stringify([long(2 ** 20), long(2 ** 20)]), 'give each class a name of its own'],
  ['a line of a megabyte', `0 a\n1 b\n${'x'.repeat(2 ** 20)}\n3 c`, 'found "xxx'],
])('names of classes: %s', (_, names, said) => {
  const read = () => parseClassNames(new TextEncoder().encode(names), 'of.json')
  expect(read).toThrow(said)
  try {
    read()
  } catch (error) {
    expectSentence((error as Error).message)
  }
})

test('names of classes make no finding long, either', () => {
  const images = new Uint8Array(8)
  const split = { images, labels: Uint8Array.of(0, 0), count: 2 }
  const classNames = Array.from({ length: 200 }, (_, i) => `${i}${long(5000)}`)
  const { findings } = inspectDataset({
    name: 'x',
    title: 'x',
    origin: 'x',
    imageShape: [2, 2],
    classes: 200,
    classNames,
    train: split,
    test: split,
    files: [],
  })
  expect(findings.length).toBeGreaterThan(2)
  findings.forEach(expectSentence)
})
