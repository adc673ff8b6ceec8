// Labels as files have them: integers of any type, from 0 or from 1, now and then with a stray one among them.
import { DataError } from './data-error'
import type { NumericData } from './numbers'
import { sentence, shownName } from './shown'

/** Labels as they are stored, [count], [count, 1], or [count, n] with the class first. */
export interface StoredLabels {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: NumericData
}

/** As many classes as a byte can tell apart. */
const mostClasses = 256

/** The labels of both splits, [count] each, from 0, and the classes that they are of. */
export interface ReadLabels {
  readonly train: Uint8Array
  readonly test: Uint8Array
  readonly classNames: readonly string[]
  /** What looks wrong with them: a sentence. */
  readonly notice?: string
}

/**
 * Reads the labels of a data set. Without a list of names there are as many classes as the labels ask for, named by their numbers; labels
 * that begin at 1 are counted from there, so that there is no class 0 without an image.
 *
 * @throws DataError naming the first label that is outside the classes
 */
export const readLabels = (
  trainFile: StoredLabels,
  testFile: StoredLabels,
  names: readonly string[] | ReadonlyMap<number, string> | undefined,
): ReadLabels => {
  const given = names && 'length' in names ? names : undefined
  const called = names && !('length' in names) ? names : new Map<number, string>()
  const train = valuesOf(trainFile, given?.length ?? mostClasses + 1)
  const test = valuesOf(testFile, given?.length ?? mostClasses + 1)
  const counts = new Uint32Array(mostClasses + 1)
  for (const labels of [train, test]) for (const label of labels) counts[label] = (counts[label] ?? 0) + 1
  const highest = counts.findLastIndex((count) => count > 0)
  const last = Math.max(highest, ...called.keys())
  const fromOne = !given && last > 1 && counts[0] === 0 && counts[1] !== 0
  // Of labels from 1, a list that ends before them has the first one's name first; one that goes as far names a class 0 without images.
  const isListed = fromOne && called.has(0) && !called.has(highest)
  const first = fromOne && (isListed || !called.has(0)) ? 1 : 0
  const classes = given?.length ?? Math.max(last - first + 1, 2)
  if (classes > mostClasses)
    throw new DataError(
      `expected labels from 0 to ${mostClasses - 1} or from 1 to ${mostClasses}, found ${last} (${trainFile.name}, ${testFile.name}): give a data set of at most ${mostClasses} classes`,
    )
  const bytes = (labels: Uint16Array) => new Uint8Array(labels.map((label) => label - first))
  const nameOf = (i: number) => called.get(isListed ? i : i + first)
  const classNames = given ?? Array.from({ length: classes }, (_, i) => nameOf(i) ?? String(i + first))
  const isEven = called.size === 0 || (last === highest && classNames.every((_, i) => nameOf(i) !== undefined))
  const notice =
    noticeAbout(
      bytes(train),
      classNames,
      counts.subarray(first, first + classes),
      given === undefined && called.size === 0,
    ) ?? (isEven ? undefined : countedNames(called.size, highest, first))
  return { train: bytes(train), test: bytes(test), classNames, ...(notice === undefined ? {} : { notice }) }
}

/** One label for each image. @throws DataError if one is not below `bound` */
const valuesOf = ({ name, shape, data }: StoredLabels, bound: number): Uint16Array => {
  const [count = 0, columns = 1] = shape
  if (columns > 1 && isOneHot(data, columns))
    throw new DataError(
      `expected one label for each image, found rows with a single 1 among ${columns} (${name}): write the position of the 1 instead`,
    )
  const labels = new Uint16Array(count)
  for (let i = 0; i < count; i++) {
    const label = data[i * columns] ?? -1
    if (label < 0 || label >= bound)
      throw new DataError(
        `expected labels from 0 to ${Math.min(bound, mostClasses) - 1}, found ${label} at position ${i} (${name}): give files of this data set`,
      )
    labels[i] = label
  }
  return labels
}

const isOneHot = (data: NumericData, columns: number): boolean => {
  for (let start = 0; start < data.length; start += columns) {
    let ones = 0
    for (let i = start; i < start + columns; i++) {
      if (data[i] !== 0 && data[i] !== 1) return false
      ones += data[i] ?? 0
    }
    if (ones !== 1) return false
  }
  return true
}

/** What is said where there are more classes with names than with images, or fewer. */
const countedNames = (named: number, highest: number, first: number): string => {
  const labels = `there are names for ${named} classes, and labels from ${first} to ${highest}, which are ${highest - first + 1}`
  return `${labels}: classes without a name are called by their numbers, and names without a label have no image. Are they this data set's?`
}

/** What looks wrong with labels: a sentence, or undefined. `counts` is how many images each class has in both splits. */
const noticeAbout = (
  train: Uint8Array,
  classNames: readonly string[],
  counts: Uint32Array,
  guessed: boolean,
): string | undefined => {
  const [only] = train
  if (train.every((label) => label === only))
    return sentence(
      `all training images are of one class, ${shownName(classNames[only ?? 0] ?? '')}: there is nothing to tell apart`,
    )
  if (!guessed) return undefined // a named set's classes are known
  const empty = counts.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0)
  if (empty === 0) return undefined
  const last = counts.length - 1
  const holders = counts[last] === 1 ? 'one image has' : `${counts[last]} images have`
  return `the labels go up to ${classNames[last]}, which makes ${counts.length} classes, but ${empty} of them have no image (${holders} the label ${classNames[last]}): is that label a mistake?`
}
