// Data sets made to take memory or time, read in a process of their own with 256 MB of heap and 2 s. One file holds all four
// files of a data set, each after its length.
import { gzipSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectBounded, hostileReader } from '../../../tooling/vitest/hostile'
import type * as data from './index'
import type * as web from './web'

const labels = (...values: number[]) => writeIdx({ shape: [values.length], data: Uint8Array.from(values) })
const announcing = (...sizes: number[]) => {
  const view = new DataView(new ArrayBuffer(4 + 4 * sizes.length))
  view.setUint32(0, 0x0800 + sizes.length)
  sizes.forEach((size, i) => view.setUint32(4 + 4 * i, size))
  return Buffer.from(view.buffer)
}
const small = writeIdx({ type: 'uint8', shape: [3, 2, 2], data: new Uint8Array(12) })
const zeros = (megabytes: number) => Buffer.alloc(megabytes * 2 ** 20)
const packed = (...parts: Uint8Array[]) => gzipSync(Buffer.concat(parts), { level: 1 })

type Four = readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
const sound: Four = [small, labels(0, 1, 2), small, labels(0, 1, 2)]
const joined = (files: Four) =>
  Buffer.concat(
    files.flatMap((file) => [
      Buffer.from(Uint32Array.of(file.length).buffer),
      Buffer.from(file.buffer as ArrayBuffer, file.byteOffset, file.length),
    ]),
  )

const bombs: [string, Four, outcome: 'read' | 'refused', asked: number][] = [
  ['are sound', sound, 'read', 0],
  [
    'announce 150 MB of images, hold them, and have three labels',
    [packed(announcing(150, 1024, 1024), zeros(150)), ...sound.slice(1)] as unknown as Four,
    'refused',
    0,
  ],
  [
    'announce images of 2^31 pixels a side',
    [packed(announcing(3, 2 ** 31, 1), zeros(1)), ...sound.slice(1)] as unknown as Four,
    'refused',
    0,
  ],
  [
    'have 100 MB of labels for three images',
    [small, packed(announcing(100 * 2 ** 20), zeros(100)), ...sound.slice(2)] as unknown as Four,
    'refused',
    0,
  ],
  [
    'inflate to 300 MB behind sound headers',
    [packed(announcing(3, 2, 2), zeros(300)), ...sound.slice(1)] as unknown as Four,
    'refused',
    0,
  ],
  [
    'hold the 64 MB of images that they announce',
    [
      packed(announcing(64, 1024, 1024), zeros(64)),
      labels(...new Array<number>(64).fill(0)),
      packed(announcing(1, 1024, 1024), zeros(1)),
      labels(1),
    ],
    'read',
    65 * 2 ** 20,
  ],
]

const parts = ['datasetFromFiles', 'datasetFromFileList'] as const
const readers: Partial<Record<(typeof parts)[number], Awaited<ReturnType<typeof hostileReader>>>> = {}
beforeAll(async () => {
  readers.datasetFromFiles = await hostileReader<typeof data>(
    new URL('./index.ts', import.meta.url),
    ({ datasetFromFiles }, bytes) => {
      const files: { name: string; bytes: Uint8Array }[] = []
      for (let at = 0; at < bytes.length;) {
        const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
        files.push({ name: `file ${files.length}`, bytes: bytes.subarray(at + 4, at + 4 + length) })
        at += 4 + length
      }
      const [trainImages, trainLabels, testImages, testLabels] = files as [
        { name: string; bytes: Uint8Array },
        { name: string; bytes: Uint8Array },
        { name: string; bytes: Uint8Array },
        { name: string; bytes: Uint8Array },
      ]
      const names = { name: 'x', title: 'x', origin: 'x' }
      return datasetFromFiles(names, { trainImages, trainLabels, testImages, testLabels })
    },
  )
  readers.datasetFromFileList = await hostileReader<typeof web>(
    new URL('./web.ts', import.meta.url),
    async ({ datasetFromFileList }, bytes) => {
      const { File } = process.getBuiltinModule('node:buffer')
      const files: File[] = []
      for (let at = 0; at < bytes.length;) {
        const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
        files.push(new File([bytes.subarray(at + 4, at + 4 + length)], `${files.length}`) as unknown as File)
        at += 4 + length
      }
      const names = ['train-images', 'train-labels', 'test-images', 'test-labels']
      return datasetFromFileList(files.map((file, i) => new File([file as never], names[i] ?? '') as unknown as File))
    },
  )
})
afterAll(() => Promise.all(Object.values(readers).map((reader) => reader.close())))

test.each(parts.flatMap((part) => bombs.map((bomb) => [part, ...bomb] as const)))(
  '%s: files that %s',
  async (part, _, files, outcome, asked) => {
    const bytes = joined(files)
    const reading = await readers[part]?.read(bytes)
    if (!reading) throw new Error('there is no reader')
    expect(reading.outcome, reading.message).toBe(outcome)
    expectBounded(reading, bytes, asked)
  },
)
