// What the names of arrays say, in the spellings that are about: x_train of Keras, train_images of MNIST-C and MedMNIST, arr_0 in
// k49-train-imgs.npz, images in train.safetensors, train-00000-of-00001.parquet.
import { DataError } from './data-error'
import { fileRoles, type DatasetFiles } from './dataset'
import { numberTypes, type NumberTypeName, type NumericData } from './numbers'
import { shownShape } from './shown'
import type { StoredArray } from './stored-array'

type Role = keyof DatasetFiles<unknown>

const word = (words: string) => new RegExp(`(^|[^a-z])(${words})([^a-z]|$)`)
const images = word('x|images?|imgs?|pixels')
const labels = word('y|labels?|targets?')
const train = word('train|training')
const test = word('test|testing|t10k')
const validation = word('val|valid|validation')

type Kind = 'images' | 'labels'
type SplitName = 'train' | 'test' | 'validation'

/** What a name says: of its own part first ('x_test' in 'train.npz: x_test'), then of its file's. */
const said = <T extends string>(name: string, words: readonly (readonly [T, RegExp])[]): T | undefined => {
  const at = name.lastIndexOf(': ')
  for (const part of at < 0 ? [name] : [name.slice(at + 2), name.slice(0, at)]) {
    const found = words.filter(([, one]) => one.test(part.toLowerCase()))
    if (found.length === 1) return found[0]?.[0]
    if (found.length > 1) return undefined
  }
  return undefined
}

const kindOf = (name: string): Kind | undefined =>
  said<Kind>(name, [
    ['images', images],
    ['labels', labels],
  ])

const splitOf = (name: string): SplitName | undefined =>
  said<SplitName>(name, [
    ['train', train],
    ['test', test],
    ['validation', validation],
  ])

const wordsOf: DatasetFiles<string> = {
  trainImages: 'images to train on (x_train, or train_images)',
  trainLabels: 'labels to train on (y_train, or train_labels)',
  testImages: 'images to test on (x_test, or test_images)',
  testLabels: 'labels to test on (y_test, or test_labels)',
}

/** The arrays of a data set; without those to test on if there are none. */
export type ChosenArrays = Pick<DatasetFiles<StoredArray>, 'trainImages' | 'trainLabels'> &
  Partial<Pick<DatasetFiles<StoredArray>, 'testImages' | 'testLabels'>>

/**
 * The four arrays of a data set among others, or two to train on. Arrays whose names say no split are to train on, where no others
 * do; those of validation are to test on, where no others do; images to test on without labels are left out, and said.
 *
 * @throws DataError naming what is missing or there twice
 */
export const chooseArrays = (
  arrays: readonly StoredArray[],
  where: string,
  onNotice: (sentence: string) => void = () => {},
): ChosenArrays => {
  const of = (kind: Kind, split: SplitName | undefined) =>
    arrays.filter(({ name }) => kindOf(name) === kind && splitOf(name) === split)
  const found = new Map<Role, StoredArray>()
  const take = (role: Role, candidates: readonly StoredArray[]) => {
    const [first, second] = candidates
    if (!first) return
    const whole = candidates.length > 1 ? concatenated(candidates) : first
    if (!whole)
      throw new DataError(
        `expected one array with ${wordsOf[role]} ${where}, found ${first.name} and ${second?.name}: give the arrays of one data set`,
      )
    found.set(role, whole)
  }
  const named = (split: SplitName) => of('images', split).length > 0
  const trainSplit = named('train') ? 'train' : undefined
  const testSplit = named('test') || !named('validation') ? 'test' : 'validation'
  take('trainImages', of('images', trainSplit))
  take('trainLabels', of('labels', trainSplit))
  take('testImages', of('images', testSplit))
  take('testLabels', of('labels', testSplit))
  const images = found.get('testImages')
  if (images && !found.has('testLabels')) {
    onNotice(`${images.name} has no labels and is skipped: nothing can be tested on it`)
    found.delete('testImages')
  }
  if (testSplit === 'validation') onNotice(`there are no images to test on ${where}: those of validation are taken`)
  const missing = fileRoles.filter((role) => !found.has(role))
  const isTraining = found.has('trainImages') && found.has('trainLabels') && !found.has('testLabels')
  if (missing.length > 0 && !isTraining) {
    const names = arrays.slice(0, 6).map(({ name }) => name)
    throw new DataError(
      `there are no ${missing.map((role) => wordsOf[role]).join(', no ')} ${where}, only ${names.join(', ')}${arrays.length > 6 ? ', ...' : ''}: give all four arrays`,
      { code: 'not-in-folder' },
    )
  }
  return Object.fromEntries(
    fileRoles.flatMap((role) => (found.has(role) ? [[role, found.get(role)]] : [])),
  ) as unknown as ChosenArrays // none is missing
}

/** Arrays of files that are parts of one, as train-00000-of-00002.parquet; undefined if they are not. */
const concatenated = (arrays: readonly StoredArray[]): StoredArray | undefined => {
  const parts = arrays.map(({ name }) => /^(.*?)-(\d{5})-of-(\d{5})/.exec(name))
  const [first] = parts
  if (!first || parts.some((part) => part?.[1] !== first[1] || part?.[3] !== first[3])) return undefined
  const total = Number(first[3])
  const ordered = [...arrays].sort((a, b) => (a.name < b.name ? -1 : 1))
  const missing = Array.from({ length: total }, (_, i) => i).find(
    (i) => parts.filter((p) => Number(p?.[2]) === i).length !== 1,
  )
  if (missing !== undefined || arrays.length !== total)
    throw new DataError(
      `expected ${total} files ${first[1]}-00000-of-${first[3]} to ${first[1]}-${String(total - 1).padStart(5, '0')}-of-${first[3]}, found ${arrays.length}, without number ${missing ?? total}: give all of them`,
      { code: 'not-in-folder' },
    )
  const [head] = ordered
  if (!head) return undefined
  const rest = (shape: readonly number[]) => shape.slice(1).join()
  const other = ordered.find(({ type, shape }) => type !== head.type || rest(shape) !== rest(head.shape))
  if (other)
    throw new DataError(
      `expected parts of one array, ${head.name} is ${head.type} ${shownShape(head.shape)}, ${other.name} ${other.type} ${shownShape(other.shape)}: give files of one data set`,
    )
  const name = head.name.replace(/-\d{5}-of-\d{5}/, '')
  const count = ordered.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0)
  return {
    ...head,
    name,
    shape: [count, ...head.shape.slice(1)],
    async read() {
      const pieces: NumericData[] = []
      for (const part of ordered) pieces.push(await part.read())
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
      const { array } = numberTypes[head.type as NumberTypeName] // all readers name their types so
      const whole: NumericData = new array(length)
      let at = 0
      for (const piece of pieces) {
        whole.set(piece, at)
        at += piece.length
      }
      return whole
    },
  }
}
