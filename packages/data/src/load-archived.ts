// Data sets of the archives: their files fetched into the cache, or found in a folder that is named, and read.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { archivedSet, type ArchivedSet } from './archives'
import { cacheFolder } from './cache-folder'
import { DataError } from './data-error'
import type { Dataset } from './dataset'
import { differs, download } from './download'
import type { GivenFile } from './given-files'
import { datasetFromGiven } from './given-files'
import type { LoadOptions } from './load'
import { fileAt } from './local-files'
import { placesOf } from './places'

/**
 * Loads a set of the archives: `emnist-letters`, `k49`, `mnist-c/fog`. Its files are looked for in `folder`, in the folder
 * DIGITLAB_DATA and in the cache, and then downloaded; each is held to its hash, and the data set to its form.
 *
 * @returns undefined if none has this name
 * @throws DataError if the files are not available or not what they should be
 */
export const loadArchived = async (name: string, options: LoadOptions): Promise<Dataset | undefined> => {
  const found = archivedSet(name)
  if (!found) return undefined
  const { set, variant } = found
  if (set.variants && variant === undefined)
    throw new DataError(
      `${set.title} is ${set.variants.length} sets, one for each corruption: name one, as ${set.name}/${set.variants[1] ?? ''}`,
    )
  const { files, origin } = await locate(set, options)
  const title = variant === undefined ? set.title : `${set.title} ${variant}`
  const wanted = variant ?? set.set
  const data = await datasetFromGiven(files, {
    name,
    origin,
    where: `in ${set.files.map((file) => file.name).join(', ')}`,
    ...(wanted === undefined ? {} : { set: wanted }),
    classNames: set.classNames,
    preparation: set.preparation,
  })
  const [train, test] = set.counts
  if (data.train.count !== train || data.test.count !== test)
    throw new DataError(
      `expected ${train} training and ${test} test images of ${title}, found ${data.train.count} and ${data.test.count} (${origin}): get its files again`,
      { code: 'wrong-hash' },
    )
  // Its own name says how it is read.
  return { ...data, name, title }
}

const locate = async (
  set: ArchivedSet,
  options: LoadOptions,
): Promise<{ readonly files: readonly GivenFile[]; readonly origin: string }> => {
  for (const { kind, folder, origin } of placesOf(options)) {
    if (kind === 'cache') continue
    for (const within of [folder, join(folder, set.folder), join(folder, set.name)]) {
      const files = await whole(set, within)
      if (files) return { files, origin }
    }
    if (kind === 'given')
      throw new DataError(
        `${folder} does not hold ${set.title}: it has no ${set.files.map(({ name }) => name).join(', no ')}; give the folder with it, or no folder to download it`,
        { code: 'not-in-folder' },
      )
  }
  const { folder, files } = await fetchArchived(set, options)
  return {
    files: files.map(({ name }) => fileAt(join(folder, name), name)),
    origin: files.some(({ status }) => status === 'downloaded') ? 'a download, now in the cache' : 'the cache',
  }
}

/** Sees to it that the cache holds all files of a set; one with a wrong hash is fetched again. */
export const fetchArchived = async (
  set: ArchivedSet,
  options: LoadOptions,
): Promise<{ readonly folder: string; readonly files: { name: string; status: 'cached' | 'downloaded' }[] }> => {
  const folder = join(cacheFolder(options.env), set.folder)
  const files: { name: string; status: 'cached' | 'downloaded' }[] = []
  for (const file of set.files) {
    const target = join(folder, file.name)
    const isHere = (await isThere(target)) && (await differs(target, file)) === undefined
    if (!isHere) await download(file.urls, target, file, options)
    files.push({ name: file.name, status: isHere ? 'cached' : 'downloaded' })
  }
  return { folder, files }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

/** The files in a folder, where all are there. @throws DataError if one has another hash */
const whole = async (set: ArchivedSet, folder: string): Promise<readonly GivenFile[] | undefined> => {
  for (const file of set.files) if (!(await isThere(join(folder, file.name)))) return undefined
  for (const file of set.files) {
    const wrong = await differs(join(folder, file.name), file)
    if (wrong !== undefined)
      throw new DataError(`${join(folder, file.name)} is not ${set.title}'s: ${wrong}; get it again`, {
        code: 'wrong-hash',
      })
  }
  return set.files.map(({ name }) => fileAt(join(folder, name), name))
}
