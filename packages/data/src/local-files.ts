// Files on a disk that somebody names as a data set: a folder, a single file, torchvision's root, or one set of several in a folder.
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { formatOf } from './array-formats'
import { DataError } from './data-error'
import type { Dataset } from './dataset'
import { datasetFromGiven, type GivenFile } from './given-files'
import { roleOf, setOf } from './idx-names'
import { readIfThere } from './read-file'

/**
 * Makes a data set of what lies at a path: a folder of files, or of a folder `raw` of them, as torchvision has it; one file that
 * holds all; or a folder and the name of one of the sets in it, as `gzip/emnist-letters`.
 *
 * @returns undefined where nothing is there
 * @throws DataError and IdxError as `datasetFromGiven`
 */
export const datasetAt = async (path: string, onNotice: (sentence: string) => void): Promise<Dataset | undefined> => {
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) {
    const { folder, names, called } = await dataFolder(path)
    const files = names.map((name) => fileAt(join(folder, name), name))
    const where = `in ${folder} (${names.slice(0, 8).join(', ') || 'it is empty'}${names.length > 8 ? ', ...' : ''})`
    return datasetFromGiven(files, { name: called, origin: `the folder ${path}`, where, onNotice })
  }
  if (there) {
    const name = basename(path)
    const options = { name: name.replace(/\.[^.]+$/, ''), origin: `the file ${path}`, where: `in ${path}`, onNotice }
    return datasetFromGiven([fileAt(path, name)], options)
  }
  // One set of several: gzip/emnist-letters.
  const [parent, set] = [dirname(resolve(path)), basename(path)]
  const names = await readdir(parent).catch((): string[] => [])
  const own = names.filter((name) => roleOf(name) && setOf(name) === set)
  if (own.length === 0) return undefined
  const options = { name: set, origin: `the folder ${dirname(path)}`, where: `in ${parent}`, set, onNotice }
  return datasetFromGiven(
    own.map((name) => fileAt(join(parent, name), name)),
    options,
  )
}

/** The folder that has the files, at or below the one that is named, and what the data set in it is called. */
const dataFolder = async (
  path: string,
): Promise<{ readonly folder: string; readonly names: readonly string[]; readonly called: string }> => {
  const called = basename(resolve(path))
  const own = await filesIn(path)
  const isRaw = called.toLowerCase() === 'raw'
  if (await hasData(path, own))
    return { folder: path, names: own, called: isRaw ? basename(dirname(resolve(path))) : called }
  const folders = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const below: { folder: string; names: readonly string[]; called: string }[] = []
  for (const { name } of folders)
    for (const [within, set] of [
      [name === 'raw' ? 'raw' : join(name, 'raw'), name === 'raw' ? called : name],
    ] as const) {
      const folder = join(path, within)
      const names = await filesIn(folder)
      if (await hasData(folder, names)) below.push({ folder, names, called: set })
    }
  if (below.length > 1)
    throw new DataError(
      `expected one data set in ${path}, found ${below.map(({ folder }) => folder).join(', ')}: name one of these folders`,
      { code: 'not-in-folder' },
    )
  return below[0] ?? { folder: path, names: own, called }
}

const filesIn = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

/** Whether something in a folder is a file of data: by its name, or by its first bytes. */
const hasData = async (folder: string, names: readonly string[]): Promise<boolean> => {
  if (names.some((name) => roleOf(name))) return true
  for (const name of names.filter((one) => /\.np[yz]$/i.test(one)))
    if (await formatOf(await beginningAt(join(folder, name)))) return true
  return false
}

const beginningAt = async (path: string): Promise<Uint8Array> => {
  for await (const piece of createReadStream(path, { end: 15 })) return piece as Buffer
  return new Uint8Array(0)
}

const fileAt = (path: string, name: string): GivenFile => ({
  name,
  async *open() {
    const found = await stat(path).catch(() => undefined)
    // A pipe would be waited for; reading it says so.
    if (found?.isFile()) yield* createReadStream(path, { highWaterMark: 65_536 }) as AsyncIterable<Buffer>
  },
  async read() {
    const found = await readIfThere(path)
    if (found) return found.bytes
    throw new DataError(`${path} was there and has gone: try again`, { code: 'disk' })
  },
})
