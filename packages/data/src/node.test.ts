import { execFileSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { DataError } from './index'
import { datasetInfo, fetchDataset, findDatasets, loadDataset, verifyDataset } from './node'
import { withServer } from './testing/with-server'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-data-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const refused = 'http://127.0.0.1:2/' // nobody listens there

describe('loadDataset', () => {
  const env = () => ({ DIGITLAB_CACHE: join(folder, 'cache') })
  const offline = () => ({ env: { ...env(), DIGITLAB_MIRROR: refused }, timeoutMs: 500 })
  const writeFour = async (place: string) => {
    await mkdir(place, { recursive: true })
    const images = writeIdx({ type: 'uint8', shape: [2, 3, 3], data: new Uint8Array(18) })
    const labels = writeIdx({ type: 'uint8', shape: [2], data: Uint8Array.of(0, 2) })
    for (const split of ['train', 't10k']) {
      await writeFile(join(place, `${split}-images-idx3-ubyte.gz`), gzipSync(images))
      await writeFile(join(place, `${split}-labels-idx1-ubyte`), labels)
    }
  }

  test('a folder of IDX files is a data set, packed or not', async () => {
    await writeFour(join(folder, 'mine'))
    const data = await loadDataset(join(folder, 'mine'))
    expect(data).toMatchObject({ name: 'mine', imageShape: [3, 3], classes: 3 })
    await rm(join(folder, 'mine', 't10k-labels-idx1-ubyte'))
    await expect(loadDataset(join(folder, 'mine'))).rejects.toThrow(
      /there are no labels to test on \(t10k-labels-idx1-ubyte\) in .*mine \(t10k-images/,
    )
  })

  test.each([
    ['with dots', (split: string, kind: string) => `${split}-${kind}.idx${kind === 'images' ? 3 : 1}-ubyte`],
    [
      "as EMNIST's",
      (split: string, kind: string) =>
        `emnist-digits-${split.replace('t10k', 'test')}-${kind}-idx${kind === 'images' ? 3 : 1}-ubyte`,
    ],
    ['with words alone', (split: string, kind: string) => `${split.replace('t10k', 'test')}_${kind}.idx.gz`],
  ])('names may be spelled %s', async (_, spelled) => {
    const place = join(folder, 'spelled')
    await writeFour(place)
    for (const split of ['train', 't10k'])
      for (const [kind, own] of [
        ['images', `${split}-images-idx3-ubyte.gz`],
        ['labels', `${split}-labels-idx1-ubyte`],
      ] as const) {
        // Packed or not, whatever the name says.
        await rename(join(place, own), join(place, spelled(split, kind)))
      }
    await writeFile(join(place, 'emnist-digits-mapping.txt'), '0 48\n')
    expect(await loadDataset(place)).toMatchObject({ name: 'spelled', imageShape: [3, 3], classes: 3 })
  })

  test('of several sets in a folder one is named', async () => {
    await writeFour(join(folder, 'four'))
    const place = join(folder, 'gzip')
    await mkdir(place)
    for (const set of ['letters', 'digits'])
      for (const name of await readdir(join(folder, 'four')))
        await copyFile(join(folder, 'four', name), join(place, `emnist-${set}-${name.replace('t10k', 'test')}`))
    await expect(loadDataset(place)).rejects.toThrow(/found those of emnist-digits, emnist-letters: name one of them/)
    expect((await loadDataset(join(place, 'emnist-letters'))).name).toBe('own-emnist-letters')
    await expect(loadDataset(join(place, 'emnist-balanced'))).rejects.toMatchObject({ code: 'unknown-name' })
  })

  test("torchvision's root is one, and a file that is there packed and unpacked may be broken once", async () => {
    const raw = join(folder, 'root', 'EMNIST', 'raw')
    await writeFour(raw)
    const told: string[] = []
    const onNotice = (sentence: string) => void told.push(sentence)
    for (const place of [join(folder, 'root'), join(folder, 'root', 'EMNIST'), raw])
      expect((await loadDataset(place, { onNotice })).name).toBe('EMNIST')
    expect(told).toEqual([])
    await writeFile(
      join(raw, 't10k-labels-idx1-ubyte.gz'),
      gzipSync(await readFile(join(raw, 't10k-labels-idx1-ubyte'))),
    )
    await writeFile(join(raw, 't10k-labels-idx1-ubyte'), 'cut')
    await writeFile(
      join(raw, 'train-images-idx3-ubyte'),
      gunzipSync(await readFile(join(raw, 'train-images-idx3-ubyte.gz'))),
    )
    await writeFile(join(raw, 'train-images-idx3-ubyte.gz'), 'version https://git-lfs.github.com/spec/v1')
    expect((await loadDataset(raw, { onNotice })).test.count).toBe(2)
    expect(told).toEqual([expect.stringContaining('t10k-labels-idx1-ubyte is skipped: expected an IDX file')])
    await writeFour(join(folder, 'root', 'KMNIST', 'raw'))
    await expect(loadDataset(join(folder, 'root'))).rejects.toThrow(
      /expected one data set in .*root, found .*EMNIST.*KMNIST/,
    )
  })

  test('a folder has no name that stands for other content', async () => {
    for (const name of ['mnist', 'strokes']) {
      await writeFour(join(folder, name))
      expect((await loadDataset(join(folder, name))).name).toBe(`own-${name}`)
    }
  })

  test('what is not a regular file is not waited for', async () => {
    const place = join(folder, 'pipes')
    await writeFour(place)
    await rm(join(place, 't10k-labels-idx1-ubyte'))
    execFileSync('mkfifo', [join(place, 't10k-labels-idx1-ubyte')])
    await expect(loadDataset(place)).rejects.toThrow(/expected a file, .*t10k-labels-idx1-ubyte is a pipe or a device/)
  })

  test('an empty HOME is no place for a cache', async () => {
    const program = `import { cacheFolder } from ${JSON.stringify(new URL('../dist/node.js', import.meta.url).href)}
      console.log(cacheFolder({}))`
    const env = { ...process.env, HOME: '', XDG_CACHE_HOME: '' }
    const args = ['--input-type=module', '-e', program]
    const told = execFileSync(process.execPath, args, { env, encoding: 'utf8' }).trim()
    expect(isAbsolute(told), told).toBe(true)
    expect(told.startsWith(userInfo().homedir)).toBe(true)
  })

  test('an unknown name lists the known ones', async () => {
    await expect(loadDataset('minst')).rejects.toThrow(
      'no data set and no folder "minst": choose one of auto, mnist, fashion-mnist, kmnist, qmnist, strokes, emnist-letters, emnist-balanced, emnist-digits, k49, mnist-c, or give a folder',
    )
    await expect(loadDataset('toString')).rejects.toBeInstanceOf(DataError)
  })

  test('auto takes strokes where MNIST is not available, and says so loudly', async () => {
    const told: string[] = []
    const data = await loadDataset('auto#limit=50', { ...offline(), onNotice: (sentence) => told.push(sentence) })
    expect([data.name, data.train.count]).toEqual(['strokes#limit=50', 50])
    expect(data.notice).toContain('NOT MNIST')
    expect(told).toEqual([expect.stringContaining('could not download train-images-idx3-ubyte.gz')])
    await expect(loadDataset('mnist', offline())).rejects.toMatchObject({ code: 'download-failed' })
  })

  test('a folder that was named and does not hold MNIST is an error, with auto too', async () => {
    await writeFour(join(folder, 'other'))
    for (const name of ['mnist', 'auto']) {
      await expect(loadDataset(name, { ...offline(), folder })).rejects.toThrow(
        `${folder} does not hold MNIST: it has no train-images-idx3-ubyte.gz`,
      )
      await expect(loadDataset(name, { ...offline(), folder: join(folder, 'other') })).rejects.toThrow(
        /is not MNIST's: expected the SHA-256 440fcabf.*, found .*or load .* as a folder of your own/,
      )
      await expect(
        loadDataset(name, { ...offline(), env: { ...offline().env, DIGITLAB_DATA: join(folder, 'nowhere') } }),
      ).rejects.toThrow('could not read the folder that DIGITLAB_DATA names')
    }
  })

  test('a damaged file in one place does not hide what another has', async () => {
    const place = join(folder, 'damaged')
    await writeFour(place)
    await writeFile(join(place, 'train-images-idx3-ubyte.gz'), gzipSync('<!doctype html><title>sign in</title>'))
    const told: string[] = []
    const onNotice = (sentence: string) => void told.push(sentence)
    expect(await findDatasets({ env: { ...env(), DIGITLAB_DATA: place }, onNotice })).toEqual([])
    expect(told[0]).toMatch(/train-images-idx3-ubyte.gz is not MNIST's: .* found a web page \(HTML\)/)
  })

  test('what is found is what can be told apart: not files that only have the names', async () => {
    await writeFour(join(folder, 'mine'))
    const told: string[] = []
    const options = {
      env: env(),
      folder: join(folder, 'mine'),
      onNotice: (sentence: string) => void told.push(sentence),
    }
    await expect(findDatasets(options)).rejects.toThrow(
      /mine holds none of MNIST, Fashion-MNIST, KMNIST, QMNIST: give a folder/,
    )
    expect(told).toEqual([
      expect.stringContaining("is not MNIST's"),
      expect.stringContaining("is not Fashion-MNIST's"),
      expect.stringContaining("is not KMNIST's"),
    ])
    const unpacked = join(folder, 'unpacked')
    await writeFour(unpacked)
    for (const split of ['train', 't10k']) {
      const name = join(unpacked, `${split}-images-idx3-ubyte`)
      await writeFile(name, gunzipSync(await readFile(`${name}.gz`)))
      await rm(`${name}.gz`)
    }
    await expect(findDatasets({ ...options, folder: unpacked })).rejects.toThrow('holds none of')
    await rename(unpacked, join(folder, 'kmnist'))
    expect((await findDatasets({ ...options, folder })).map(({ name }) => name)).toEqual(['kmnist'])
    expect(await findDatasets({ env: env() })).toEqual([])
  })

  test('MNIST itself, packed and unpacked, from a folder, a parent folder and the cache', async (context) => {
    const mnist = mnistFolder()
    if (!mnist) return context.skip('MNIST is not at hand: set DIGITLAB_DATA')
    const data = await loadDataset('mnist', { folder: mnist })
    expect([data.train.count, data.test.count, data.imageShape, data.classes]).toEqual([60000, 10000, [28, 28], 10])
    expect(data.files[0]?.sha256).toBe('ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db')

    const unpacked = join(folder, 'sets', 'mnist')
    await mkdir(unpacked, { recursive: true })
    const names = (await readdir(mnist)).filter((name) => name.endsWith('.gz'))
    for (const name of names)
      await writeFile(join(unpacked, name.slice(0, -3)), gunzipSync(await readFile(join(mnist, name))))
    const again = await loadDataset('mnist', { env: { DIGITLAB_DATA: join(folder, 'sets') } })
    expect(again.files).toEqual(data.files)
    const recognised = await loadDataset(unpacked)
    expect([recognised.name, recognised.title]).toEqual(['mnist', 'MNIST'])
    // As torchvision keeps it, under any spelling, and where the packed one of two is broken.
    const root = join(folder, 'torchvision')
    const raw = join(root, 'MNIST', 'raw')
    await mkdir(raw, { recursive: true })
    for (const name of await readdir(unpacked))
      await copyFile(join(unpacked, name), join(raw, name.replace('-idx', '.idx')))
    await writeFile(join(raw, 't10k-labels-idx1-ubyte.gz'), 'broken')
    expect((await loadDataset('mnist', { folder: root })).files.map(({ sha256 }) => sha256)).toEqual(
      data.files.map(({ sha256 }) => sha256),
    )
    expect((await loadDataset(root)).name).toBe('mnist')
    const held = { env: { ...env(), DIGITLAB_DATA: join(folder, 'sets') } }
    expect(await verifyDataset('mnist', held)).toMatchObject({
      origin: `the folder ${join(folder, 'sets')}`,
      folder: unpacked,
      whole: true,
      files: new Array(4).fill({ status: 'right' }),
    })
    expect((await datasetInfo(held)).map(({ name, origin }) => [name, origin])).toEqual([
      ['mnist', `the folder ${join(folder, 'sets')}`],
      ['fashion-mnist', null],
      ['kmnist', null],
      ['qmnist', null],
    ])
    // The same names, but another data set: what would be loaded is in the cache.
    expect(await verifyDataset('fashion-mnist', { env: { ...env(), DIGITLAB_DATA: mnist } })).toMatchObject({
      origin: 'the cache',
      whole: false,
    })
    for (const holding of [mnist, unpacked])
      await expect(loadDataset('fashion-mnist', { folder: holding })).rejects.toThrow(
        'does not hold Fashion-MNIST: its files are those of MNIST',
      )
    const at = { env: { ...env(), DIGITLAB_DATA: join(folder, 'sets') } }
    expect(await findDatasets(at)).toEqual([
      {
        name: 'mnist',
        title: 'MNIST',
        origin: `the folder ${join(folder, 'sets')}`,
        files: expect.objectContaining({
          testLabels: {
            name: 't10k-labels-idx1-ubyte',
            path: join(unpacked, 't10k-labels-idx1-ubyte'),
            version: expect.objectContaining({ bytes: 10008 }) as unknown,
          },
        }) as unknown,
      },
    ])

    const mirror = (request: IncomingMessage, response: ServerResponse) =>
      void readFile(join(mnist, (request.url ?? '').replace('/mnist/', ''))).then((bytes) => response.end(bytes))
    await withServer(mirror, async (url) => {
      const options = { env: { ...env(), DIGITLAB_MIRROR: url } }
      expect((await fetchDataset('mnist', options)).files.map(({ status }) => status)).toEqual(
        new Array(4).fill('downloaded'),
      )
      const damaged = join(folder, 'cache', 'mnist', 't10k-labels-idx1-ubyte.gz')
      await writeFile(damaged, (await readFile(damaged)).fill(0, 100, 101))
      const found = await verifyDataset('mnist', options)
      expect(found.whole).toBe(false)
      expect(found.files.map(({ status }) => status)).toEqual(['right', 'right', 'right', 'wrong'])
      expect((await loadDataset('mnist', options)).files).toEqual(data.files) // fetched again, not used
      expect((await verifyDataset('mnist', options)).whole).toBe(true)
    })
    expect((await loadDataset('mnist', offline())).origin).toBe('the cache')
  })
})
