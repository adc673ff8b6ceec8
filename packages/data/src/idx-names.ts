// What the names of IDX files say, in all the spellings that are about: train-images-idx3-ubyte.gz, train-images.idx3-ubyte,
// emnist-letters-test-labels-idx1-ubyte, qmnist-train-labels-idx2-int.
import { DataError } from './data-error'
import { fileRoles, type DatasetFiles } from './dataset'

type Role = keyof DatasetFiles<unknown>

/** What each of the four files is, for those who read an error. */
const wordsOf: DatasetFiles<string> = {
  trainImages: 'images to train on (train-images-idx3-ubyte)',
  trainLabels: 'labels to train on (train-labels-idx1-ubyte)',
  testImages: 'images to test on (t10k-images-idx3-ubyte)',
  testLabels: 'labels to test on (t10k-labels-idx1-ubyte)',
}

/** Which of the four files a name says that it is; undefined if it says nothing, or too much. */
export const roleOf = (name: string): Role | undefined => {
  const words = name.toLowerCase()
  const images = /images|idx3/.test(words)
  const labels = /labels|idx1|idx2/.test(words)
  const train = /train/.test(words)
  const test = /t10k|test/.test(words)
  if (images === labels || train === test) return undefined
  return train ? (images ? 'trainImages' : 'trainLabels') : images ? 'testImages' : 'testLabels'
}

/** The set that a name says its file is of: 'emnist-letters', '' for MNIST's own names. */
export const setOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\.gz$/, '')
    .replace(/[-_.]?(idx[123]|ubyte|int)(?=[-_.]|$)/g, '')
    .split(/[-_.]/)
    .filter((word) => !['train', 'test', 't10k', 'images', 'labels', ''].includes(word))
    .join('-')

/** Files of one set: for each role those that have it, most often one, or a packed and an unpacked one. */
interface NamedSet<T> {
  readonly name: string
  readonly files: Readonly<Partial<Record<Role, readonly T[]>>>
}

/** Puts files together that are of one set, by their names; those whose names say no role are left out. */
const setsAmong = <T extends { readonly name: string }>(files: readonly T[]): readonly NamedSet<T>[] => {
  const sets = new Map<string, Partial<Record<Role, T[]>>>()
  for (const file of files) {
    const role = roleOf(file.name)
    if (!role) continue
    const name = setOf(file.name)
    const set = sets.get(name) ?? {}
    sets.set(name, set)
    ;(set[role] ??= []).push(file)
  }
  return [...sets].map(([name, files]) => ({ name, files }))
}

/** Two files of one role, where they are not one that is packed and one that is not. */
const twice = <T extends { readonly name: string }>(files: readonly T[]): readonly [T, T] | undefined => {
  for (const packed of [true, false]) {
    const [first, second] = files.filter(({ name }) => name.endsWith('.gz') === packed)
    if (first && second) return [first, second]
  }
  return undefined
}

/**
 * Chooses the set that has images to train on and none to test on.
 *
 * @returns undefined if there is none such
 * @throws DataError if there are images to test on
 */
export const chooseTraining = <T extends { readonly name: string }>(
  files: readonly T[],
  where: string,
  wanted?: string,
): Record<'trainImages' | 'trainLabels', readonly T[]> | undefined => {
  const sets = setsAmong(files).filter(
    ({ name, files }) => files.trainImages && files.trainLabels && (wanted === undefined || name === wanted),
  )
  const [only] = sets
  if (sets.length !== 1 || !only?.files.trainImages || !only.files.trainLabels) return undefined
  const [test] = only.files.testImages ?? []
  if (test)
    throw new DataError(
      `there are images to test on ${where} (${test.name}): leave them out to set a part of the others aside`,
    )
  return { trainImages: only.files.trainImages, trainLabels: only.files.trainLabels }
}

/**
 * Chooses the set whose four files are all there.
 *
 * @param wanted its name, where there may be several
 * @returns undefined if no name says a role
 * @throws DataError naming what is missing, or the sets among which to choose
 */
export const chooseSet = <T extends { readonly name: string }>(
  files: readonly T[],
  where: string,
  wanted?: string,
): DatasetFiles<readonly T[]> | undefined => {
  const all = setsAmong(files)
  // Where no two files have one role, they are of one set, whatever their names say besides.
  const together: Partial<Record<Role, T[]>> = {}
  for (const { files } of all)
    for (const role of fileRoles) for (const file of files[role] ?? []) (together[role] ??= []).push(file)
  const isOne = all.length > 1 && fileRoles.every((role) => !twice(together[role] ?? []))
  const sets: readonly NamedSet<T>[] =
    wanted !== undefined ? all.filter(({ name }) => name === wanted) : isOne ? [{ name: '', files: together }] : all
  for (const { files } of sets)
    for (const role of fileRoles) {
      const pair = twice(files[role] ?? [])
      if (pair)
        throw new DataError(
          `expected one file with ${wordsOf[role]}, found ${pair[0].name} and ${pair[1].name}: give the four files of one data set`,
        )
    }
  const whole = sets.filter(({ files }) => fileRoles.every((role) => files[role]))
  const [only] = whole
  if (whole.length > 1)
    throw new DataError(
      `expected the files of one data set ${where}, found those of ${whole.map(({ name }) => name || 'train-images, t10k-images').join(', ')}: name one of them, or give its four files alone`,
    )
  if (only) return only.files as DatasetFiles<readonly T[]> // each role is there
  const most = [...sets].sort((a, b) => Object.keys(b.files).length - Object.keys(a.files).length)[0]
  if (!most) return undefined
  const missing = fileRoles.filter((role) => !most.files[role])
  throw new DataError(
    `there are no ${missing.map((role) => wordsOf[role]).join(', no ')} ${where}: put all four files there, or give them at once${missing.every((role) => role.startsWith('test')) ? '; or say what part of the others is set aside (test=0.1)' : ''}`,
    { code: missing.every((role) => role.startsWith('test')) ? 'no-test-images' : 'not-in-folder' },
  )
}
