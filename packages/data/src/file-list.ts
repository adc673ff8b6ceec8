// A data set from files that somebody dropped onto a page or chose there.
import { DataError } from './data-error'
import type { Dataset } from './dataset'
import { datasetFromGiven, listed, type GivenFile } from './given-files'
import { decodeOnCanvas } from './decode-on-canvas'
import type { PlatformFile } from './platform'
import type { Preparation } from './preparation'
import { longest } from './transfer'

/** What to call files that were given. */
export interface FileListOptions {
  /** What the data set is called: the folder's name by default, or 'files'. An experiment's id has it in it. */
  readonly name?: string
  /** Told of files that were skipped because they are damaged. */
  readonly onNotice?: (sentence: string) => void
  /** What is made of it. */
  readonly preparation?: Preparation
  /** Where each file lies, in the order of the files, with slashes: 'digits/train/7/1.png'. By default, what the browser says of a chosen folder. */
  readonly paths?: readonly string[]
}

/**
 * Makes a data set of files: four of IDX under any of the usual spellings, packed or not, or told apart by what they hold (images
 * and labels of equal number; the larger pair is to train on); arrays of
 * NumPy or safetensors, tables (CSV, Parquet), pictures in a folder for each class, or a zip archive of these. Files of a known data set,
 * recognised by their hashes, take its name, and no others do. Other files among them are left alone.
 *
 * @throws DataError if a file is missing, is there twice, or does not fit the others; IdxError if one is damaged
 */
export const datasetFromFileList = (
  files: readonly PlatformFile[],
  options: FileListOptions = {},
): Promise<Dataset> => {
  const { name = folderOf(files) ?? onlyName(files) ?? 'files', paths, onNotice, preparation } = options
  const where = `among ${listed(files)}`
  return datasetFromGiven(
    files.map((file, i) => given(file, paths?.[i])),
    {
      name,
      origin: 'files given to this page',
      where,
      decodePicture: decodeOnCanvas,
      ...(preparation === undefined ? {} : { preparation }),
      ...(onNotice === undefined ? {} : { onNotice }),
    },
  )
}

const given = (file: File, path = file.webkitRelativePath || file.name): GivenFile => ({
  name: file.name,
  path,
  open: () => file.stream(),
  async read() {
    const { name, size } = file
    if (size > longest)
      throw new DataError(
        `expected a file of at most ${longest} bytes, ${name} has ${size}: give the files of a smaller set`,
      )
    try {
      return new Uint8Array(await file.arrayBuffer())
    } catch (cause) {
      throw new DataError(`could not read ${name} (${(cause as Error).message}): give it again`, {
        code: 'disk',
        cause,
      })
    }
  },
})

/** The folder that was chosen, where it was one. */
const folderOf = (files: readonly File[]): string | undefined =>
  files[0]?.webkitRelativePath?.split('/').slice(0, -1)[0] || undefined

/** The name of a file that holds all, without its ending. */
const onlyName = (files: readonly File[]): string | undefined =>
  files.length === 1 ? files[0]?.name.replace(/\.gz$/i, '').replace(/\.[^.]+$/, '') || undefined : undefined
