// Sets in archives, served by this machine's own server under the names and hashes that a test gives them: nobody fetches half a
// gigabyte here. The table itself is held to what has been published of it.
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { archivedNames, archivedSets, strokes, type Dataset } from './index'
import { archivedSet } from './archives'
import { datasetVariants, loadDataset } from './node'

let folder = ''
let digits: Dataset
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-archives-'))
  digits = await strokes({ trainCount: 12, testCount: 8 })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const npy = (shape: readonly number[], data: Uint8Array): Uint8Array => {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')},), }\n`
  const head = Buffer.alloc(10)
  head.write('\u0093NUMPY\u0001\u0000', 'latin1')
  head.writeUInt16LE(text.length, 8)
  return Buffer.concat([head, Buffer.from(text), data])
}

/** MNIST-C's archive with two corruptions of a few digits. */
const corruptions = () => {
  const { train, test } = digits
  const of = (change: (pixel: number) => number) => ({
    'train_images.npy': npy([train.count, 28, 28, 1], train.images.map(change)),
    'train_labels.npy': npy([train.count], train.labels),
    'test_images.npy': npy([test.count, 28, 28, 1], test.images.map(change)),
    'test_labels.npy': npy([test.count], test.labels),
  })
  return { mnist_c: { identity: of((pixel) => pixel), fog: of((pixel) => 128 + (pixel >> 1)) } }
}

test('each set says where it is from, what its files are held to, and how many classes it has', () => {
  for (const name of archivedNames) {
    const { files, classNames, counts } = archivedSets[name]
    for (const { urls, sha256, md5 } of files) {
      expect(urls[0]).toMatch(/^https:/)
      expect(sha256 ?? md5).toMatch(/^([0-9a-f]{64}|[0-9a-f]{32})$/)
    }
    expect(counts[0]).toBeGreaterThan(counts[1])
    expect(new Set(classNames.values()).size).toBe(classNames.size)
  }
  expect(archivedNames.map((name) => archivedSets[name].classNames.size)).toEqual([26, 47, 10, 49, 10])
  expect(archivedSet('mnist-c/fog')?.variant).toBe('fog')
  for (const name of ['mnist-c/rain', 'k49/fog', 'mnist-c/fog/x', 'toString']) expect(archivedSet(name)).toBeUndefined()
})

test('one of several sets is named, and none is taken for all', async () => {
  await expect(loadDataset('mnist-c')).rejects.toThrow(
    'MNIST-C is 16 sets, one for each corruption: name one, as mnist-c/brightness',
  )
  const variants = await datasetVariants('mnist-c#limit=100')
  expect(variants).toHaveLength(16)
  expect(variants[4]).toEqual({ variant: 'fog', name: 'mnist-c/fog#limit=100' })
  expect(await datasetVariants('mnist')).toEqual([])
})

test('a folder and an archive with a set for each corruption are several data sets', async () => {
  const { mnist_c } = corruptions()
  const entries: Record<string, Uint8Array> = {}
  for (const [name, files] of Object.entries(mnist_c)) {
    await mkdir(join(folder, 'mnist_c', name), { recursive: true })
    for (const [file, bytes] of Object.entries(files)) {
      await writeFile(join(folder, 'mnist_c', name, file), bytes)
      entries[`mnist_c/${name}/${file}`] = bytes
    }
  }
  await writeFile(join(folder, 'mnist_c.zip'), zipSync(entries))
  for (const path of ['mnist_c', 'mnist_c.zip']) {
    const variants = await datasetVariants(join(folder, path))
    expect(variants.map(({ variant }) => variant)).toEqual(['fog', 'identity'])
    const [fog, identity] = await Promise.all(variants.map(({ name }) => loadDataset(name)))
    expect(fog).toMatchObject({ name: 'fog', test: { count: 8 } })
    expect(fog?.test.images[0]).toBe(128)
    expect(Buffer.from(identity?.train.images ?? []).equals(Buffer.from(digits.train.images))).toBe(true)
  }
})

test('an archive that is no EMNIST is refused with both hashes, and one of another form with both counts', async () => {
  const { train, test } = digits
  const files = [
    ['train-images-idx3', writeIdx({ type: 'uint8', shape: [train.count, 28, 28], data: train.images })],
    ['train-labels-idx1', writeIdx({ type: 'uint8', shape: [train.count], data: train.labels })],
    ['test-images-idx3', writeIdx({ type: 'uint8', shape: [test.count, 28, 28], data: test.images })],
    ['test-labels-idx1', writeIdx({ type: 'uint8', shape: [test.count], data: test.labels })],
  ] as const
  const archive = zipSync(
    Object.fromEntries(
      ['digits', 'letters'].flatMap((set) =>
        files.map(([name, bytes]) => [`gzip/emnist-${set}-${name}-ubyte.gz`, gzipSync(bytes)] as const),
      ),
    ),
  )
  await mkdir(join(folder, 'emnist'))
  await writeFile(join(folder, 'emnist', 'gzip.zip'), archive)
  const found = createHash('md5').update(archive).digest('hex')
  await expect(loadDataset('emnist-digits', { folder })).rejects.toThrow(
    `gzip.zip is not EMNIST digits's: expected the MD5 58c8d27c78d21e728a6bc7b3cc06412e, found ${found}; get it again`,
  )
  // As somebody's own files they are read, and said to lie on their side.
  const own = await loadDataset(`${join(folder, 'emnist', 'gzip.zip', 'emnist-digits')}#transpose`)
  expect(own).toMatchObject({ name: 'own-emnist-digits#transpose', train: { count: 12 } })
  expect(own.train.images[28 * 3 + 14]).toBe(train.images[28 * 14 + 3])
  await expect(loadDataset('emnist-letters', { folder: tmpdir() })).rejects.toThrow(
    'does not hold EMNIST letters: it has no gzip.zip',
  )
})
