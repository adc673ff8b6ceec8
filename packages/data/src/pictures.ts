// Folders of pictures, one for each class: ROOT/train/7/any.png and ROOT/test/7/any.png, or ROOT/7/any.png, as torchvision's
// ImageFolder has them.
import type { ReadContext } from './array-formats'
import { DataError } from './data-error'
import { stacked } from './picture-stack'
import type { StoredArray } from './stored-array'

/** A picture's file. */
export interface PictureFile {
  readonly name: string
  /** Where it lies below what was given, with slashes: 'train/7/0001.png'. */
  readonly path: string
  readonly read: () => Promise<Uint8Array>
}

interface Placed {
  readonly file: PictureFile
  readonly split: string
  readonly label: string
}

/**
 * The images and labels of pictures in a folder for each class. Classes are in the order of their names, numbers in that of
 * numbers; all splits have the same.
 *
 * @throws DataError if a picture lies in no folder of a class, or all are of one class
 */
export const arraysOfPictures = async (
  files: readonly PictureFile[],
  where: string,
  context: ReadContext,
): Promise<readonly StoredArray[]> => {
  const placed = placedBelow(files, where)
  const classNames = [...new Set(placed.map(({ label }) => label))].sort(byNumberOrName)
  if (classNames.length < 2)
    throw new DataError(
      `expected a folder of pictures for each of two classes or more, found ${classNames.length} (${classNames[0] ?? 'none'}) ${where}: put each class into a folder of its own`,
    )
  if (classNames.length > 256)
    throw new DataError(`expected at most 256 classes, found ${classNames.length} folders ${where}: give fewer`)
  const numbers = new Map(classNames.map((name, i) => [name, i]))
  const arrays: StoredArray[] = []
  for (const split of [...new Set(placed.map((one) => one.split))].sort()) {
    const own = placed.filter((one) => one.split === split).sort(byClassAndPath(numbers))
    const name = split === '' ? 'pictures' : split
    arrays.push(
      await stacked(
        `${name}: images`,
        own.map(({ file }) => ({ name: file.path, read: () => file.read() })),
        context,
      ),
    )
    const labels = Uint8Array.from(own, ({ label }) => numbers.get(label) ?? 0)
    arrays.push({ name: `${name}: labels`, type: 'uint8', shape: [own.length], classNames, read: async () => labels })
  }
  return arrays
}

const placedBelow = (files: readonly PictureFile[], where: string): readonly Placed[] => {
  const parts = files.map(({ path }) => path.split('/').filter((part) => part !== '' && part !== '.'))
  // What all have in common leads to the data set; the class is never among it.
  let common = 0
  const [first = []] = parts
  while (common < first.length - 2 && parts.every((one) => one.length > common + 2 && one[common] === first[common]))
    common++
  return files.map((file, i) => {
    const [...own] = (parts[i] ?? []).slice(common, -1)
    const label = own.at(-1)
    const split = own.at(-2) ?? ''
    if (label === undefined)
      throw new DataError(
        `expected a folder of pictures for each class ${where}, ${file.path} lies in none: put each class into a folder of its own`,
      )
    if (own.length > 2)
      throw new DataError(
        `expected pictures at class/picture or train/class/picture ${where}, found ${file.path}: give the folder with the classes`,
      )
    return { file, split, label }
  })
}

const byNumberOrName = (a: string, b: string): number =>
  /^\d+$/.test(a) && /^\d+$/.test(b) ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0

const byClassAndPath =
  (numbers: ReadonlyMap<string, number>) =>
  (a: Placed, b: Placed): number =>
    (numbers.get(a.label) ?? 0) - (numbers.get(b.label) ?? 0) || (a.file.path < b.file.path ? -1 : 1)
