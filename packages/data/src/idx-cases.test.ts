// IDX files as people come by them: other names, several gzip members, zeros behind the stream. Made here, and where they are at hand from
// a folder beside the repository.
import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { loadDataset } from './node'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-idx-cases-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const images = Uint8Array.from({ length: 20 * 16 }, (_, i) => (i * 37) % 256)
const labels = Uint8Array.from({ length: 20 }, (_, i) => i % 10)
/** By part and kind, as `train images`. */
const content = (part: string): Uint8Array =>
  part.endsWith('images')
    ? writeIdx({ type: 'uint8', shape: [20, 4, 4], data: images })
    : writeIdx({ type: 'uint8', shape: [20], data: labels })

const inMembers = (bytes: Uint8Array) =>
  Buffer.concat([0, 9, 21].map((at, i) => gzipSync(bytes.subarray(at, [9, 21][i]))))
const beforeZeros = (bytes: Uint8Array) => Buffer.concat([gzipSync(bytes), Buffer.alloc(512)])

const kinds: [
  string,
  (split: 'train' | 'test', kind: 'images' | 'labels') => string,
  (bytes: Uint8Array) => Uint8Array,
][] = [
  [
    'dotted-names',
    (split, kind) => `${split === 'test' ? 't10k' : split}-${kind}.idx${kind === 'images' ? 3 : 1}-ubyte`,
    (bytes) => bytes,
  ],
  [
    'emnist-names',
    (split, kind) => `emnist-digits-${split}-${kind}-idx${kind === 'images' ? 3 : 1}-ubyte`,
    (bytes) => bytes,
  ],
  [
    'several-members',
    (split, kind) => `${split === 'test' ? 't10k' : split}-${kind}-idx${kind === 'images' ? 3 : 1}-ubyte.gz`,
    inMembers,
  ],
  [
    'zero-padded',
    (split, kind) => `${split === 'test' ? 't10k' : split}-${kind}-idx${kind === 'images' ? 3 : 1}-ubyte.gz`,
    beforeZeros,
  ],
]

test.each(kinds)('%s', async (name, nameOf, packed) => {
  await mkdir(join(folder, name))
  for (const split of ['train', 'test'] as const)
    for (const kind of ['images', 'labels'] as const)
      await writeFile(join(folder, name, nameOf(split, kind)), packed(content(kind)))
  const { train, test, format } = await loadDataset(join(folder, name))
  expect(format).toBe('IDX')
  for (const split of [train, test]) expect([split.images, split.labels]).toEqual([images, labels])
})

const cases = fileURLToPath(new URL('../../../../shared/cases/idx', import.meta.url))
const found = existsSync(cases) ? readdirSync(cases) : []
describe.skipIf(found.length === 0)('beside the repository (skipped where shared/cases/idx is not there)', () => {
  test.each(found.length === 0 ? ['none'] : found)('%s', async (name) => {
    const { train, test, classes } = await loadDataset(join(cases, name))
    expect([train.count, test.count, classes]).toEqual([600, 200, 10])
    expect(train.images.some((value) => value > 200)).toBe(true)
  })
})

const mnist = mnistFolder()
test.skipIf(mnist === undefined)(
  "torchvision's root is MNIST, with a packed file broken beside the unpacked one (skipped where MNIST is not at hand)",
  async () => {
    const raw = join(folder, 'root', 'MNIST', 'raw')
    await mkdir(raw, { recursive: true })
    for (const file of readdirSync(mnist ?? '').filter((name) => name.endsWith('.gz'))) {
      await cp(join(mnist ?? '', file), join(raw, file))
      await writeFile(join(raw, file.slice(0, -3)), gunzipSync(await readFile(join(raw, file))))
    }
    const broken = join(raw, 'train-images-idx3-ubyte.gz')
    await rm(broken)
    await writeFile(broken, 'cut off')
    const given = await loadDataset('mnist', { folder: join(folder, 'root') })
    expect([given.name, given.train.count, given.test.count]).toEqual(['mnist', 60_000, 10_000])
    expect((await loadDataset(join(folder, 'root'))).files).toEqual(given.files)
  },
)
