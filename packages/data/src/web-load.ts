// Data sets in a page: from the server that serves it, from the browser's cache, or from a mirror that lets pages read it.
import { mnistOrStrokes } from './auto'
import { catalogueEntry, type CatalogueEntry, type CatalogueFile } from './catalogue'
import { datasetNames, type DatasetName } from './choices'
import { DataError } from './data-error'
import { datasetFromFiles, fileRoles, type Dataset, type DatasetFiles } from './dataset'
import type { Fetch, PageCaches } from './platform'
import { sha256 } from './sha256'
import { parseServedDatasets } from './served'
import { strokes } from './strokes'
import {
  firstOf,
  lengthOf,
  longest,
  notIdx,
  reasonOf,
  refusal,
  sendsMore,
  withPatience,
  type DownloadOptions,
} from './transfer'
import { bodyOf } from './web-body'

/** A data set that a page can load by its name. */
export type WebDatasetName = DatasetName

/** Where a page's data come from, and who is told. */
export interface WebLoadOptions extends DownloadOptions {
  /**
   * Address of the data that a `digitlab serve` offers, with a slash at its end: looked into first. Relative to the page; in a
   * worker, whose own address is another one, give it whole.
   */
  readonly local?: string
  /** Told what was looked for in vain on the way, and what cannot be kept. */
  readonly onNotice?: (sentence: string) => void
  /** The browser's own by default. */
  readonly fetch?: Fetch
  /** Where files are kept: the browser's own Cache API by default; undefined keeps nothing. */
  readonly caches?: PageCaches | undefined
}

/** A file as it was found: its bytes, not yet unpacked. */
interface Found {
  readonly name: string
  readonly bytes: Uint8Array
}

type Whole = { readonly files: DatasetFiles<Found>; readonly origin: string }

const cacheName = 'digitlab-data-1'

/**
 * Loads a data set in a page or a worker of one: a name of the catalogue, 'strokes', or 'auto', which is MNIST where it can be had,
 * else strokes with a notice.
 *
 * A catalogue set is looked for at `local`, in the browser's cache, and at the mirrors that let a page read them. Every file, packed
 * or not, is held to its published hash before it is used or kept; what was cut off or is wrong is never kept.
 *
 * @throws DataError if the name is unknown, or the data are not available or not what they should be; what `signal` was aborted
 * with, where it was
 */
export const loadDataset = async (name: WebDatasetName, options: WebLoadOptions = {}): Promise<Dataset> => {
  options.signal?.throwIfAborted()
  if (name === 'strokes') return strokes()
  if (name === 'auto') return mnistOrStrokes(() => loadDataset('mnist', options), strokes, options.onNotice)
  const entry = catalogueEntry(name)
  if (!entry)
    throw new DataError(
      `there is no data set "${String(name)}": choose one of ${datasetNames.join(', ')}, or give four IDX files`,
      { code: 'unknown-name' },
    )
  const { files, origin } = (await fromServer(entry, options)) ?? (await fromCacheOrMirror(entry, options))
  return datasetFromFiles({ name: entry.name, title: entry.title, classNames: entry.classNames, origin }, files)
}

const fromServer = async (entry: CatalogueEntry, options: WebLoadOptions): Promise<Whole | undefined> => {
  const { local, onNotice = () => {}, fetch = globalThis.fetch } = options
  if (!local) return undefined
  try {
    const base = new URL(local, globalThis.document?.baseURI ?? globalThis.location?.href)
    const index = new URL('datasets.json', base).href
    const text = await withPatience(options, async (signal) => {
      const response = await fetch(index, { signal })
      if (!response.ok) throw refusal(response)
      return response.text()
    })
    const served = parseServedDatasets(text, index).find(({ name }) => name === entry.name)
    if (!served) return undefined
    const files = await eachRole(async (role) => {
      const name = served.files[role]
      const url = new URL(`${entry.name}/${name}`, base).href
      return { name, bytes: await receive(url, name, entry.files[role], options) }
    })
    return { files, origin: 'the server of this page' }
  } catch (error) {
    options.signal?.throwIfAborted()
    onNotice(`the server of this page does not give ${entry.title} (${reasonOf(error)}): it is looked for elsewhere`)
    return undefined
  }
}

const fromCacheOrMirror = async (entry: CatalogueEntry, options: WebLoadOptions): Promise<Whole> => {
  const kept = await openCache(options)
  let fetched = 0
  const files = await eachRole(async (role) => {
    const file = entry.files[role]
    const known = await kept?.get(entry, file)
    if (known) return { name: file.name, bytes: known }
    const bytes = await fromMirrors(entry, file, options)
    fetched++
    await kept?.put(entry, file, bytes)
    return { name: file.name, bytes }
  })
  const download = kept?.failed === false ? 'a download, now kept by this browser' : 'a download'
  return { files, origin: fetched > 0 ? download : 'what this browser has kept' }
}

/** One file after another, so that the progress of each is seen. */
const eachRole = async (read: (role: keyof DatasetFiles<unknown>) => Promise<Found>): Promise<DatasetFiles<Found>> => {
  const found: Partial<Record<keyof DatasetFiles<unknown>, Found>> = {}
  for (const role of fileRoles) found[role] = await read(role)
  return found as DatasetFiles<Found> // every role was read
}

const fromMirrors = async (
  entry: CatalogueEntry,
  file: CatalogueFile,
  options: WebLoadOptions,
): Promise<Uint8Array> => {
  const { title, browserMirrors } = entry
  if (browserMirrors.length === 0)
    throw new DataError(
      `no mirror of ${title} lets a page read it: give its four files, or have the server of this page give them`,
      { code: 'no-mirror' },
    )
  const urls = browserMirrors.map((mirror) => new URL(file.name, mirror).href)
  const done = await firstOf(urls, options, (url) => receive(url, file.name, file, options))
  if ('value' in done) return done.value
  throw new DataError(
    `could not download ${file.name} (${done.reasons}): check that you are online and try again, give the four files of ${title}, or use strokes`,
    { code: 'download-failed' },
  )
}

/** Downloads a file into memory. @throws Error saying why where it is not what it should be */
const receive = (url: string, name: string, file: CatalogueFile, options: WebLoadOptions): Promise<Uint8Array> =>
  withPatience(options, async (signal, expectMore) => {
    const { onProgress, fetch = globalThis.fetch } = options
    const response = await fetch(url, { signal })
    // A server may say that its packing is the transfer's alone: the browser unpacks it then, and the length is of the packed.
    let packed = true
    const bytes = await bodyOf(response, (piece, received) => {
      expectMore(piece.length)
      if (received === piece.length) packed = piece[0] === 0x1f
      const limit = packed ? (file.packed?.bytes ?? longest) : longest
      if (received > limit) throw sendsMore(limit)
      const total = packed ? (file.packed?.bytes ?? lengthOf(response)) : undefined
      onProgress?.({ file: name, url, received, total })
    })
    const wrong = await differsFrom(file, name, bytes)
    if (wrong !== undefined) throw new Error(wrong)
    return bytes
  })

/** What is wrong with the bytes of a file, packed or not; undefined if they are right. */
const differsFrom = async (file: CatalogueFile, name: string, bytes: Uint8Array): Promise<string | undefined> => {
  const packed = bytes[0] === 0x1f
  const wanted = packed ? file.packed?.sha256 : file.unpackedSha256
  if (wanted === undefined) return notIdx(name, bytes) // no hash of it has been published
  if (packed && file.packed && bytes.length !== file.packed.bytes)
    return `expected ${file.packed.bytes} bytes, found ${bytes.length}`
  const found = await sha256(bytes)
  return found === wanted ? undefined : `expected the SHA-256 ${wanted}, found ${found}`
}

interface Kept {
  /** Whether something could not be kept. */
  readonly failed: boolean
  get(entry: CatalogueEntry, file: CatalogueFile): Promise<Uint8Array | undefined>
  put(entry: CatalogueEntry, file: CatalogueFile, bytes: Uint8Array): Promise<void>
}

const openCache = async ({ onNotice = () => {}, ...options }: WebLoadOptions): Promise<Kept | undefined> => {
  const caches = 'caches' in options ? options.caches : (globalThis as { caches?: CacheStorage }).caches
  if (!caches) {
    onNotice('this browser keeps no files for a page without https: what is downloaded is downloaded again next time')
    return undefined
  }
  let failed = false
  const failing = (error: unknown) => {
    if (!failed)
      onNotice(`this browser does not keep the files (${reasonOf(error)}): they are downloaded again next time`)
    failed = true
  }
  const cache = await caches.open(cacheName).catch((error: unknown) => {
    failing(error)
    return undefined
  })
  if (!cache) return undefined
  // A key must be an address; the mirrors may change, so that it is not one of theirs.
  const keyOf = ({ name }: CatalogueEntry, file: CatalogueFile) => `https://data.digitlab.invalid/${name}/${file.name}`
  return {
    get failed() {
      return failed
    },
    async get(entry, file) {
      try {
        const response = await cache.match(keyOf(entry, file))
        if (!response) return undefined
        const bytes = new Uint8Array(await response.arrayBuffer())
        if ((await differsFrom(file, file.name, bytes)) === undefined) return bytes
        await cache.delete(keyOf(entry, file))
      } catch (error) {
        failing(error)
      }
      return undefined
    },
    async put(entry, file, bytes) {
      try {
        await cache.put(keyOf(entry, file), new Response(bytes as Uint8Array<ArrayBuffer>))
      } catch (error) {
        failing(error)
      }
    },
  }
}
