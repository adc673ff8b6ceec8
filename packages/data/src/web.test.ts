import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { describe, expect, test, vi } from 'vitest'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { fileRoles } from './dataset'
import { catalogue, DataError, sha256, type DatasetFiles } from './index'
import {
  datasetFromFileList,
  loadDataset,
  type DownloadProgress,
  type WebDatasetName,
  type WebLoadOptions,
} from './web'

const bytesOf = (array: Parameters<typeof writeIdx>[0]) => writeIdx(array) as Uint8Array<ArrayBuffer>
const images = (count: number) => bytesOf({ type: 'uint8', shape: [count, 3, 3], data: new Uint8Array(count * 9) })
const labels = (count: number) =>
  bytesOf({ type: 'uint8', shape: [count], data: Uint8Array.from({ length: count }, (_, i) => i % 3) })
const table = (count: number) => bytesOf({ type: 'int32', shape: [count, 8], data: new Int32Array(count * 8) })

/** A server on this machine alone, for the length of `use`; it answers 404 to what it does not have. */
const withServer = async <T>(
  files: Readonly<Record<string, Uint8Array | ((request: IncomingMessage, response: ServerResponse) => void)>>,
  use: (url: string, asked: string[]) => Promise<T>,
): Promise<T> => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = (request.url ?? '').slice(1)
    asked.push(path)
    const file = files[path]
    if (typeof file === 'function') file(request, response)
    else if (file) response.end(file)
    else response.writeHead(404, 'Not Found').end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** A Cache API in memory. */
const memoryCaches = () => {
  const held = new Map<string, Uint8Array>()
  const cache = {
    match: async (key: string) => {
      const bytes = held.get(key)
      return bytes && new Response(bytes as Uint8Array<ArrayBuffer>)
    },
    put: async (key: string, response: Response) => void held.set(key, new Uint8Array(await response.arrayBuffer())),
    delete: async (key: string) => held.delete(key),
  }
  return { held, caches: { open: async () => cache } as unknown as CacheStorage }
}

/** fetch with the mirrors' part of an address replaced by a server of the test. */
const mirroredAt =
  (url: string): typeof fetch =>
  (input, init) =>
    fetch((input as string).replace(/^https:\/\/.*\//, url), init)
const unreachable: typeof fetch = () => Promise.reject(new TypeError('Failed to fetch'))

const listed = <T>(files: DatasetFiles<T>): T[] => fileRoles.map((role) => files[role])

const qmnist: Readonly<Record<string, Uint8Array>> = Object.fromEntries(
  listed(catalogue.qmnist.files).map(({ name }) => {
    const count = name.includes('train') ? 6 : 3
    return [name, gzipSync(name.includes('images') ? images(count) : table(count))]
  }),
)

describe('loadDataset in a page', () => {
  test('downloads with progress, keeps what is whole, and needs no network the next time', async () => {
    const { held, caches } = memoryCaches()
    const progress: DownloadProgress[] = []
    await withServer(qmnist, async (url, asked) => {
      const options = { fetch: mirroredAt(url), caches, onProgress: (one: DownloadProgress) => void progress.push(one) }
      const data = await loadDataset('qmnist', options)
      expect([data.name, data.train.count, data.test.count]).toEqual(['qmnist', 6, 3])
      expect(data.origin).toBe('a download, now kept by this browser')
      expect(asked).toHaveLength(4)
    })
    const last = progress.filter(({ file }) => file === 'qmnist-train-images-idx3-ubyte.gz').at(-1)
    expect(last?.received).toBe(qmnist['qmnist-train-images-idx3-ubyte.gz']?.length)
    expect(held.size).toBe(4)
    const again = await loadDataset('qmnist', { fetch: unreachable, caches })
    expect(again.origin).toBe('what this browser has kept')
  })

  test('never keeps a file that is cut off, damaged or another one, and says why', async () => {
    const { held, caches } = memoryCaches()
    const name = 'qmnist-train-images-idx3-ubyte.gz'
    const whole = qmnist[name] as Uint8Array
    const cutOff = (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'content-length': whole.length })
      response.write(whole.subarray(0, 20), () => setTimeout(() => response.destroy(), 30))
    }
    for (const [file, why] of [
      [whole.subarray(0, 30), /gzip data are damaged or cut off/],
      [new TextEncoder().encode('<html>sign in first</html>'), /expected an IDX file/],
      [cutOff, /qmnist-train-images-idx3-ubyte\.gz: \S/],
    ] as const)
      await withServer({ ...qmnist, [name]: file }, async (url) => {
        const failed = loadDataset('qmnist', { fetch: mirroredAt(url), caches })
        await expect(failed).rejects.toBeInstanceOf(DataError)
        await expect(failed).rejects.toThrow(why)
        await expect(failed).rejects.toThrow('could not download qmnist-train-images-idx3-ubyte.gz')
      })
    expect(held.size).toBe(0)
  })

  test('holds MNIST to its hashes and its lengths', async () => {
    const other = { ...qmnist, 'train-images-idx3-ubyte.gz': gzipSync(images(3)) }
    await withServer(other, async (url) => {
      const failed = loadDataset('mnist', { fetch: mirroredAt(url), caches: undefined })
      await expect(failed).rejects.toThrow(/expected 9912422 bytes, found \d+\): check that you are online/)
    })
    await withServer({ 'train-images-idx3-ubyte.gz': new Uint8Array(9912423).fill(31) }, async (url) => {
      const failed = loadDataset('mnist', { fetch: mirroredAt(url), caches: undefined })
      await expect(failed).rejects.toThrow('expected 9912422 bytes, it sends more')
    })
    await withServer({ 'train-images-idx3-ubyte.gz': images(3) }, async (url) => {
      const failed = loadDataset('mnist', { fetch: mirroredAt(url), caches: undefined })
      await expect(failed).rejects.toThrow('expected the SHA-256 ba891046')
    })
  })

  test('asks a mirror again that fails for a moment, and one that loses the connection', async () => {
    const name = catalogue.qmnist.files.trainImages.name
    const whole = qmnist[name] as Uint8Array
    let asked = 0
    const flaky = (_: IncomingMessage, response: ServerResponse) => {
      asked++
      if (asked === 1) return void response.writeHead(503).end()
      if (asked > 2) return void response.end(whole)
      response.writeHead(200, { 'content-length': whole.length })
      response.write(whole.subarray(0, 20), () => setTimeout(() => response.destroy(), 30))
    }
    await withServer({ ...qmnist, [name]: flaky }, async (url) => {
      const data = await loadDataset('qmnist', { fetch: mirroredAt(url), caches: undefined, backoffMs: 10 })
      expect(data.origin).toBe('a download')
    })
    expect(asked).toBe(3)
  })

  test('stops when told to, and gives up on a server that says nothing', async () => {
    const silent = { [catalogue.qmnist.files.trainImages.name]: () => {} }
    await withServer(silent, async (url) => {
      const controller = new AbortController()
      const stopped = loadDataset('auto', { fetch: mirroredAt(url), caches: undefined, signal: controller.signal })
      controller.abort()
      await expect(stopped).rejects.toThrow(/abort/)
      await expect(
        loadDataset('qmnist', { fetch: mirroredAt(url), caches: undefined, timeoutMs: 100 }),
      ).rejects.toThrow('no answer within 0.1 s')
    })
  })

  test('works where nothing can be kept, and says so once', async () => {
    await withServer(qmnist, async (url) => {
      for (const caches of [
        undefined,
        { open: () => Promise.reject(new Error('denied')) } as unknown as CacheStorage,
        {
          open: async () => ({ match: async () => undefined, put: () => Promise.reject(new Error('quota exceeded')) }),
        } as unknown as CacheStorage,
      ]) {
        const told: string[] = []
        const onNotice = (sentence: string) => void told.push(sentence)
        const data = await loadDataset('qmnist', { fetch: mirroredAt(url), caches, onNotice })
        expect(data.origin).toBe('a download')
        expect(told).toHaveLength(1)
        expect(told[0]).toMatch(/downloaded again next time$/)
      }
    })
  })

  test('a kept file that has changed is fetched again, not used', async () => {
    const { held, caches } = memoryCaches()
    await withServer(qmnist, async (url) => {
      await loadDataset('qmnist', { fetch: mirroredAt(url), caches })
      const key = [...held.keys()][0] as string
      held.set(key, Uint8Array.of(1, 2, 3))
      await loadDataset('qmnist', { fetch: mirroredAt(url), caches })
      expect(held.get(key)?.length).toBeGreaterThan(3)
    })
  })

  test('auto takes strokes when offline, and says so; a set that was named is never replaced', async () => {
    const told: string[] = []
    const offline: WebLoadOptions = {
      fetch: unreachable,
      caches: memoryCaches().caches,
      onNotice: (sentence) => void told.push(sentence),
    }
    const data = await loadDataset('auto', offline)
    expect(data.name).toBe('strokes')
    expect(data.notice).toContain('NOT MNIST')
    expect(told[0]).toContain('Failed to fetch')
    await expect(loadDataset('mnist', offline)).rejects.toBeInstanceOf(DataError)
    await expect(loadDataset('kmnist', offline)).rejects.toThrow(
      'no mirror of KMNIST lets a page read it: give its four files, or have the server of this page give them',
    )
    await expect(loadDataset('toString' as WebDatasetName, offline)).rejects.toThrow('there is no data set "toString"')
  })

  test('the server of the page is asked first, and left where it fails', async () => {
    const files = Object.fromEntries(fileRoles.map((role) => [role, catalogue.qmnist.files[role].name]))
    const index = { datasets: [{ name: 'qmnist', title: 'QMNIST', files }] }
    const served = {
      'data/datasets.json': new TextEncoder().encode(JSON.stringify(index)),
      ...Object.fromEntries(Object.entries(qmnist).map(([name, bytes]) => [`data/qmnist/${name}`, bytes])),
    }
    const told: string[] = []
    const onNotice = (sentence: string) => void told.push(sentence)
    await withServer(served, async (url, asked) => {
      const data = await loadDataset('qmnist', { local: `${url}data/`, caches: undefined })
      expect(data.origin).toBe('the server of this page')
      expect(asked[0]).toBe('data/datasets.json')
    })
    for (const broken of [
      {},
      { 'data/datasets.json': new TextEncoder().encode('<html>') },
      { 'data/datasets.json': new TextEncoder().encode('{"datasets":[{"name":"qmnist"}]}') },
      { ...served, [`data/qmnist/${catalogue.qmnist.files.testLabels.name}`]: Uint8Array.of(1) },
    ])
      await withServer({ ...qmnist, ...broken }, async (url) => {
        told.length = 0
        const rewritten: typeof fetch = (input, init) =>
          (input as string).startsWith(url) ? fetch(input, init) : mirroredAt(url)(input, init)
        const data = await loadDataset('qmnist', {
          local: `${url}data/`,
          fetch: rewritten,
          caches: undefined,
          onNotice,
        })
        expect(data.origin).toBe('a download')
        expect(told[0]).toMatch(/^the server of this page does not give QMNIST \(.+\): it is looked for elsewhere$/)
      })
  })

  test('MNIST itself, packed, unpacked on the way, and from files without names', async (context) => {
    const folder = mnistFolder()
    if (folder === undefined) return context.skip('MNIST is not at hand: set DIGITLAB_DATA')
    const packed: Readonly<Record<string, Buffer>> = Object.fromEntries(
      listed(catalogue.mnist.files).map(({ name }) => [name, readFileSync(join(folder, name))]),
    )
    const unpacking = Object.fromEntries(
      Object.entries(packed).map(([name, bytes]) => [
        name,
        (_: IncomingMessage, response: ServerResponse) => {
          response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bytes.length }).end(bytes)
        },
      ]),
    )
    for (const files of [packed, unpacking])
      await withServer(files, async (url) => {
        const { held, caches } = memoryCaches()
        const data = await loadDataset('auto', { fetch: mirroredAt(url), caches })
        expect([data.name, data.train.count, data.test.count]).toEqual(['mnist', 60000, 10000])
        expect(held.size).toBe(4)
      })
    const anonymous = Object.values(packed).map((bytes, i) => new File([gunzipSync(bytes)], `part-${i}`))
    const data = await datasetFromFileList(anonymous)
    expect([data.name, data.title, data.train.count]).toEqual(['mnist', 'MNIST', 60000])
  })
})

describe('files given to a page', () => {
  const four = (): DatasetFiles<File> => ({
    trainImages: new File([images(6)], 'train-images-idx3-ubyte'),
    trainLabels: new File([gzipSync(labels(6))], 'train-labels-idx1-ubyte.gz'),
    testImages: new File([images(3)], 't10k-images.idx3-ubyte'),
    testLabels: new File([labels(3)], 'emnist-digits-test-labels-idx1-ubyte'),
  })
  const renamed = (file: File, name: string) => new File([file], name)

  test('are found by their names, with others left alone', async () => {
    const files = [...listed(four()).reverse(), new File(['hello'], 'README.md')]
    const data = await datasetFromFileList(files)
    expect(data).toMatchObject({ name: 'files', imageShape: [3, 3], classes: 3, origin: 'files given to this page' })
    expect([data.train.count, data.test.count]).toEqual([6, 3])
    expect((await datasetFromFileList(files, { name: 'mine' })).name).toBe('mine')
  })

  test('are found by what they hold where their names say nothing', async () => {
    const files = listed(four()).map((file, i) => renamed(file, `${i}.bin`))
    const data = await datasetFromFileList([...files, new File(['hello'], 'notes.txt')])
    expect([data.train.count, data.test.count]).toEqual([6, 3])
  })

  test('have no name that stands for other content, whatever their folder is called', async () => {
    const inFolder = (name: string) =>
      listed(four()).map((file) => Object.defineProperty(file, 'webkitRelativePath', { value: `${name}/${file.name}` }))
    for (const name of ['mnist', 'kmnist', 'strokes', 'auto'])
      expect(await datasetFromFileList(inFolder(name))).toMatchObject({ name: `own-${name}`, title: `own-${name}` })
    expect((await datasetFromFileList(inFolder('digits'))).name).toBe('digits')
    expect((await datasetFromFileList(listed(four()), { name: 'mnist' })).name).toBe('own-mnist')
  })

  test('that are something else are called what they are', async () => {
    const { trainImages, trainLabels, testImages } = four()
    const pointer = new File(['version https://git-lfs.github.com/spec/v1\noid sha256:0\n'], 't10k-labels-idx1-ubyte')
    await expect(datasetFromFileList([trainImages, trainLabels, testImages, pointer])).rejects.toThrow(
      'found a Git LFS pointer, which only says where the file is (t10k-labels-idx1-ubyte): fetch the file itself',
    )
  })

  test('that are missing, too many, damaged or no data set are said with what to do', async () => {
    const { trainImages, trainLabels, testImages, testLabels } = four()
    const failing = async (files: readonly File[], why: string | RegExp) => {
      const failed = datasetFromFileList(files)
      await expect(failed).rejects.toThrow(why)
      await expect(failed).rejects.toMatchObject({ mendable: true })
    }
    await failing([], 'expected four IDX files')
    await failing(
      [trainImages, trainLabels],
      'there are no images to test on (t10k-images-idx3-ubyte), no labels to test on',
    )
    await failing([trainImages, renamed(trainImages, 'train-images.idx3-ubyte'), trainLabels], 'give the four files')
    await failing([new File(['x'], 'holiday.jpg')], 'found 0 with images and 0 with labels among holiday.jpg')
    const alike = [trainImages, trainLabels, trainImages, trainLabels].map((file, i) => renamed(file, `${i}`))
    await failing(alike, 'call them train-images-idx3-ubyte')
    const broken = new File([(await trainImages.bytes()).subarray(0, 40)], trainImages.name)
    await failing([broken, trainLabels, testImages, testLabels], /expected 70 bytes.*train-images-idx3-ubyte/)
    const cut = new File([(await trainLabels.bytes()).subarray(0, 12)], trainLabels.name)
    await failing([trainImages, cut, testImages, testLabels], 'the gzip data are damaged or cut off')
    await failing([trainImages, renamed(testLabels, 'train-labels'), testImages, testLabels], 'found 6 images')
  })
})

test('SHA-256 is the same without the platform', async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251)
  vi.stubGlobal('crypto', {})
  try {
    expect(await sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'))
  } finally {
    vi.unstubAllGlobals()
  }
})
