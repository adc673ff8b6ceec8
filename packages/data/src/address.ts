// A data set at an address: downloaded once, kept in the cache, then read like a file.
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache-folder'
import { DataError } from './data-error'
import type { Dataset } from './dataset'
import { differs, download } from './download'
import type { LoadOptions } from './load'
import { fileNameIn } from './transfer'

export const isAddress = (name: string): boolean => /^https?:\/\//i.test(name)

/**
 * Makes a data set of the file at an address. It is kept in the cache and not fetched again, but where it is not of the hash that is
 * asked for.
 *
 * @throws DataError if it is not available, or has another hash
 */
export const datasetFromAddress = async (
  { name: address, sha256 }: { readonly name: string; readonly sha256?: string },
  options: LoadOptions,
  read: (path: string) => Promise<Dataset | undefined>,
): Promise<Dataset | undefined> => {
  let url: URL
  try {
    url = new URL(address)
  } catch (cause) {
    throw new DataError(`expected an address such as https://example.org/mnist.npz, found "${address}"`, { cause })
  }
  const file = fileNameIn(url).replace(/[^\w.()-]/g, '_')
  if (/^\.*$/.test(file))
    throw new DataError(`expected the address of a file, found "${address}": name the file, as mnist.npz behind it`)
  // Two addresses may end in one name.
  const key = createHash('sha256').update(url.href).digest('hex').slice(0, 16)
  const target = join(cacheFolder(options.env), 'addresses', key, file)
  const expected = sha256 === undefined ? {} : { sha256 }
  const there = await stat(target).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!there || (await differs(target, expected)) !== undefined) await download([url.href], target, expected, options)
  const data = await read(target)
  return data && { ...data, origin: `a download from ${url.host}${url.pathname}` }
}
