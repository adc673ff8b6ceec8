// The files in a zip archive, as if they lay in a folder.
import type { GivenFile } from './given-files'
import { DataError } from './data-error'
import { zipEntries } from './zip'

/** Enough for 64 KiB of what is packed in there once more. */
const looked = 1 << 17

/** What systems leave in archives beside what was put there. */
const isLitter = (path: string): boolean => /(^|\/)(__MACOSX\/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)/.test(path)

/**
 * The files of an archive; the archive itself where it is one of NumPy's arrays.
 *
 * @throws DataError if it is damaged or hostile, or holds nothing
 */
export const filesInZip = async (archive: GivenFile): Promise<readonly GivenFile[]> => {
  const entries = zipEntries(await archive.read(), archive.name)
  const files = entries.filter(({ name }) => !name.endsWith('/') && !isLitter(name))
  if (files.some(({ name }) => name.endsWith('.npy')))
    return [{ ...archive, read: () => archive.read(), open: () => archive.open() }]
  if (files.length === 0) throw new DataError(`${archive.name} is an archive without files: give one with a data set`)
  return files.map((entry) => ({
    name: entry.name.slice(entry.name.lastIndexOf('/') + 1),
    path: entry.name,
    // Who looks at the beginning alone has no more unpacked than that.
    async *open() {
      const beginning = entry.beginning(looked)
      yield beginning
      if (beginning.length < entry.bytes) yield entry.read().subarray(beginning.length)
    },
    read: async () => entry.read(),
  }))
}
