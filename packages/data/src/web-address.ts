// A file at an address, as a page gets it: where its server lets pages of other origins read it.
import { DataError } from './data-error'
import type { Fetch, PlatformFile } from './platform'
import { parsePreparedName, type Preparation } from './preparation'
import { sha256 } from './sha256'
import {
  checkSafe,
  fileNameIn,
  firstOf,
  lengthOf,
  longest,
  sendsMore,
  withPatience,
  type DownloadOptions,
} from './transfer'
import { bodyOf } from './web-body'

/** Where a page's files come from, and who is told. */
export interface FetchFileOptions extends DownloadOptions {
  /** The browser's own by default. */
  readonly fetch?: Fetch
}

/** A file that was fetched, with what is to be made of the data set in it. */
export interface FetchedFile {
  readonly file: PlatformFile
  readonly preparation: Preparation
}

/**
 * Fetches the file of a data set, for `datasetFromFileList`: `https://example.org/mnist.npz`, with what is to be made of it behind the
 * address (`#channels=3`, `#sha256=...` to hold it to a hash). At most 256 MB; of http: only what the page's own machine serves.
 *
 * @throws DataError if the address is none, its server does not let a page read it or does not answer, the file is too long, or its
 * hash is another; what `signal` was aborted with, where it was
 */
export const fetchDataFile = async (address: string, options: FetchFileOptions = {}): Promise<FetchedFile> => {
  const said = parsePreparedName(address.trim())
  const url = addressOf(said.name)
  const name = fileNameIn(url)
  if (name === '')
    throw new DataError(`expected the address of a file, found "${address}": name the file, as mnist.npz behind it`)
  const done = await firstOf([url.href], options, (href) => receive(href, name, options))
  if (!('value' in done))
    throw new DataError(
      `could not fetch ${done.reasons}. Either nothing answers there, or its server lets no page of another origin read it (CORS): download the file yourself and give it here`,
      { code: 'download-failed' },
    )
  if (said.sha256 !== undefined) {
    const found = await sha256(done.value)
    if (found !== said.sha256)
      throw new DataError(
        `expected the SHA-256 ${said.sha256}, found ${found} (${name}): check where the hash comes from`,
        {
          code: 'wrong-hash',
        },
      )
  }
  return { file: new File([done.value], name), preparation: said.preparation }
}

const addressOf = (text: string): URL => {
  let url: URL | undefined
  try {
    url = new URL(text)
  } catch {
    // told below
  }
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url?.hostname ?? '')
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return url
  throw new DataError(`expected an address such as https://example.org/mnist.npz, found "${text}"`)
}

const receive = (url: string, name: string, options: FetchFileOptions): Promise<Uint8Array<ArrayBuffer>> =>
  withPatience(options, async (signal, expectMore) => {
    const { onProgress, fetch = globalThis.fetch } = options
    const response = await fetch(url, { signal, credentials: 'omit' })
    await checkSafe(url, response)
    const total = lengthOf(response)
    return bodyOf(response, (piece, received) => {
      expectMore(piece.length)
      if (received > longest) throw sendsMore(longest)
      onProgress?.({ file: name, url, received, total })
    })
  })
