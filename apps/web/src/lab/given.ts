// What files that were given are: a run, a data set, a picture, or something that this page has no use for.
import { dataFormatOf, datasetFromFileList } from '@digitlab/data/web'
import { DataError, type Dataset } from '@digitlab/data'
import { shown } from '../shown'
import type { GivenFile } from '../protocol'
import { PageError } from './failure'

/** A model of more bytes than this is none that somebody wrote. */
const longestModel = 1e6
/** How many bytes tell what a file is. */
const looked = 512

type Kind = 'idx' | 'gzip' | 'data' | 'picture' | 'weights' | 'json' | 'other'

const pictures: readonly (readonly number[])[] = [
  [0x89, 0x50, 0x4e, 0x47], // PNG
  [0xff, 0xd8, 0xff], // JPEG
  [0x47, 0x49, 0x46, 0x38], // GIF
  [0x42, 0x4d], // BMP
]
const weights: readonly (readonly number[])[] = [
  [0x80, 0x02], // a pickle: PyTorch's before 1.6
  [0x89, 0x48, 0x44, 0x46], // HDF5: Keras's
]

/** The types of IDX, from uint8 to float64, as its third byte says them. */
const idxTypes = [8, 9, 11, 12, 13, 14]

const begins = (bytes: Uint8Array, signature: readonly number[]) => signature.every((byte, i) => bytes[i] === byte)

const text = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to))

/** What a file is by its first bytes; its name decides where they say nothing. */
const kindOf = async ({ file }: GivenFile): Promise<Kind> => {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await file.slice(0, looked).arrayBuffer())
  } catch (cause) {
    throw new PageError(`${shown(file.name)} cannot be read (${(cause as Error).message}): give it again`, { cause })
  }
  if (await dataFormatOf(bytes)) return 'data'
  if (text(bytes, 8, 9) === '{') return 'weights' // safetensors
  if (begins(bytes, [0x50, 0x4b, 0x03, 0x04])) return 'weights' // a zip: PyTorch's
  if (begins(bytes, [0, 0]) && idxTypes.includes(bytes[2] ?? 0) && (bytes[3] ?? 0) <= 4) return 'idx'
  if (begins(bytes, [0x1f, 0x8b])) return 'gzip'
  if (pictures.some((signature) => begins(bytes, signature))) return 'picture'
  if (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 12) === 'WEBP') return 'picture'
  if (/^....(ftypavif|ftypheic)/.test(text(bytes, 0, 12))) return 'picture'
  if (weights.some((signature) => begins(bytes, signature))) return 'weights'
  if (/\.(pth?|ckpt|onnx|safetensors|h5|keras|bin)$/i.test(file.name)) return 'weights'
  if (/\.json$/i.test(file.name)) return 'json'
  return 'other'
}

/** Whether it is a run's own file, which a browser that has downloaded it twice calls "run (1).json". */
export const isNamed = ({ file }: GivenFile, name: string): boolean => {
  const [stem, ending] = name.split('.')
  return new RegExp(`^${stem}( ?\\(\\d+\\))?\\.${ending}$`).test(file.name)
}

/** What files are, all of them together. */
export type Sorted =
  | { readonly kind: 'run'; readonly given: readonly GivenFile[] }
  | { readonly kind: 'data'; readonly given: readonly GivenFile[] }
  | { readonly kind: 'model'; readonly file: File; readonly text: string }
  | { readonly kind: 'picture'; readonly file: File }

/** @throws PageError where they are nothing that this page opens, with what does */
export const sorted = async (given: readonly GivenFile[]): Promise<Sorted> => {
  if (given.length === 0) throw new PageError(`there is no file in what was given: ${opens}`)
  const runs = given.filter((one) => isNamed(one, 'run.json'))
  if (runs.length > 1)
    throw new PageError(
      `there are ${runs.length} runs (${shown(runs.map(({ path }) => path).join(', '), 200)}): give the files of one of them`,
    )
  const folderOf = ({ path }: GivenFile) => path.slice(0, path.lastIndexOf('/') + 1)
  const [run] = runs
  if (run) return { kind: 'run', given: given.filter((one) => folderOf(one) === folderOf(run)) }
  if (given.some((one) => isNamed(one, 'weights.safetensors'))) return { kind: 'run', given }
  const kinds = await Promise.all(given.map(async (one) => ({ one, kind: await kindOf(one) })))
  const of = (...wanted: readonly Kind[]) => kinds.filter(({ kind }) => wanted.includes(kind)).map(({ one }) => one)
  const data = of('idx', 'gzip', 'data')
  const named = given.filter(({ file }) => /(images|labels|idx[123])/i.test(file.name))
  if (data.length > 0 || named.length > 0) return { kind: 'data', given }
  const [picture, ...more] = of('picture')
  if (picture && more.length === 0) return { kind: 'picture', file: picture.file }
  // Pictures in folders are a data set, with a folder for each class.
  if (new Set(of('picture').map(folderOf)).size > 1) return { kind: 'data', given }
  if (picture) throw new PageError(refusal(given, 'pictures'))
  const [json, ...others] = of('json')
  if (json && others.length === 0 && kinds.length === 1) {
    const text = await json.file.slice(0, longestModel).text()
    if (/"layers"\s*:/.test(text)) return { kind: 'model', file: json.file, text }
  }
  const kind = (['weights', 'json'] as const).find((wanted) => of(wanted).length > 0)
  throw new PageError(refusal(given, kind ?? 'other'))
}

const opens =
  'this page opens a run (run.json and weights.safetensors together), a data set (IDX or NumPy files, CSV or Parquet tables, safetensors, a folder of pictures for each class, or a zip of these), or a picture of a digit'

const refusal = (given: readonly GivenFile[], what: 'pictures' | 'weights' | 'json' | 'other'): string => {
  const names = shown(given.map(({ file }) => file.name).join(', '), 200)
  switch (what) {
    case 'pictures':
      return `${names} are ${given.length} pictures: give one at a time to have it read`
    case 'weights':
      return `${names} holds weights alone, not a run: give a run's run.json and weights.safetensors together; "digitlab evaluate" reads weights in a terminal`
    case 'json':
      return `${names} is no run.json: ${opens}`
    case 'other':
      return `${names} is nothing that this page opens: ${opens}`
  }
}

/**
 * The data set that files hold, called as the folder that they were dropped in. Of one with images to train on alone a tenth is set
 * aside to test on, which its name says.
 *
 * @param onNotice told what was decided
 * @throws DataError and IdxError where they are none
 */
export const datasetOf = async (
  given: readonly GivenFile[],
  onNotice: (sentence: string) => void = () => {},
): Promise<Dataset> => {
  const folder = given[0]?.path.split('/').slice(0, -1)[0]
  const asked = given[0]?.preparation
  const read = (preparation = asked) =>
    datasetFromFileList(
      given.map(({ file }) => file),
      {
        paths: given.map(({ path }) => path),
        onNotice,
        ...(folder === undefined ? {} : { name: folder }),
        ...(preparation === undefined ? {} : { preparation }),
      },
    )
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof DataError && error.code === 'no-test-images')) throw error
    onNotice('There are no images to test on: a tenth of those to train on is set aside.')
    return read({ ...asked, test: 0.1 })
  }
}
