// What the names of arrays say, in the spellings that are about: x_train of Keras, train_images of MNIST-C and MedMNIST, arr_0 in
// k49-train-imgs.npz.
import { DataError } from './data-error'
import { fileRoles, type DatasetFiles } from './dataset'
import type { StoredArray } from './stored-array'

type Role = keyof DatasetFiles<unknown>

const word = (words: string) => new RegExp(`(^|[^a-z])(${words})([^a-z]|$)`)
const images = word('x|images?|imgs?|pixels')
const labels = word('y|labels?|targets?')
const train = word('train|training')
const test = word('test|testing|t10k')

/** Which of the four arrays a name says that it is. */
const arrayRoleOf = (name: string): Role | undefined => {
  const words = name.toLowerCase()
  const [isImages, isLabels, isTrain, isTest] = [images, labels, train, test].map((one) => one.test(words))
  if (isImages === isLabels || isTrain === isTest) return undefined
  return isTrain ? (isImages ? 'trainImages' : 'trainLabels') : isImages ? 'testImages' : 'testLabels'
}

const wordsOf: DatasetFiles<string> = {
  trainImages: 'images to train on (x_train, or train_images)',
  trainLabels: 'labels to train on (y_train, or train_labels)',
  testImages: 'images to test on (x_test, or test_images)',
  testLabels: 'labels to test on (y_test, or test_labels)',
}

/** The four arrays of a data set among others. @throws DataError naming what is missing or there twice */
export const chooseArrays = (arrays: readonly StoredArray[], where: string): DatasetFiles<StoredArray> => {
  const found = new Map<Role, StoredArray>()
  for (const array of arrays) {
    const role = arrayRoleOf(array.name)
    if (!role) continue
    const other = found.get(role)
    if (other)
      throw new DataError(
        `expected one array with ${wordsOf[role]} ${where}, found ${other.name} and ${array.name}: give the arrays of one data set`,
      )
    found.set(role, array)
  }
  const missing = fileRoles.filter((role) => !found.has(role))
  if (missing.length > 0) {
    const names = arrays.slice(0, 6).map(({ name }) => name)
    throw new DataError(
      `there are no ${missing.map((role) => wordsOf[role]).join(', no ')} ${where}, only ${names.join(', ')}${arrays.length > 6 ? ', ...' : ''}: give all four arrays`,
      { code: 'not-in-folder' },
    )
  }
  return Object.fromEntries(found) as unknown as DatasetFiles<StoredArray> // none is missing
}
