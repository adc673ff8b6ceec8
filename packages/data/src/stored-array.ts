// Arrays in files of any format, and the data set that four of them are.
import { DataError } from './data-error'
import type { DataFile, Dataset, DatasetFiles, DatasetNames } from './dataset'
import type { ImageShape } from './image-shape'
import { readLabels } from './labels'
import type { NumericData } from './numbers'
import { shownShape } from './shown'

/** An array in a file: its header has been read, its elements have not. */
export interface StoredArray {
  /** Its file, and its own name in there: 'mnist.npz: x_train'. */
  readonly name: string
  /** 'uint8', 'int64', 'float32', 'bool' */
  readonly type: string
  readonly shape: readonly number[]
  /** Of labels: the classes' names, by label. */
  readonly classNames?: readonly string[]
  /** Of images: pictures, which were brought into the form that was asked for. */
  readonly formed?: boolean
  read(): Promise<NumericData>
}

/** The longest side of an image. */
const longestSide = 4096

/**
 * Makes a data set of four arrays: images of uint8, [count, height, width] or with one or three channels [count, height, width, channels];
 * labels of any integer type, [count] or [count, 1], or [count, n] of int32 with the class first. All four shapes are held against each other
 * before memory is allocated for what they announce.
 *
 * @param filesOf what the arrays were read from, asked for once they are read
 * @throws DataError if counts or shapes differ, a label is outside the classes or a split is empty
 */
export const datasetFromArrays = async (
  names: DatasetNames,
  arrays: DatasetFiles<StoredArray>,
  filesOf: (data: DatasetFiles<NumericData>) => Promise<readonly DataFile[]>,
): Promise<Dataset> => {
  const { trainImages, trainLabels, testImages, testLabels } = arrays
  const imageShape = sidesOf(trainImages)
  const testShape = sidesOf(testImages)
  if (imageShape.join() !== testShape.join())
    throw new DataError(
      `expected test images of the training images' size [${imageShape.join(', ')}], found [${testShape.join(', ')}] (${testImages.name}): give files of one data set`,
    )
  checkCounts(trainImages, trainLabels)
  checkCounts(testImages, testLabels)
  const data = {
    trainImages: await trainImages.read(),
    trainLabels: await trainLabels.read(),
    testImages: await testImages.read(),
    testLabels: await testLabels.read(),
  }
  const { classNames, train, test, notice } = readLabels(
    { ...trainLabels, data: data.trainLabels },
    { ...testLabels, data: data.testLabels },
    names.classNames,
  )
  return {
    name: names.name,
    title: names.title,
    origin: names.origin,
    imageShape,
    classes: classNames.length,
    classNames,
    // sidesOf saw the type of the images
    train: { images: data.trainImages as Uint8Array, labels: train, count: train.length },
    test: { images: data.testImages as Uint8Array, labels: test, count: test.length },
    files: await filesOf(data),
    ...(notice === undefined ? {} : { notice }),
  }
}

/** The size of an array's images. @throws DataError if they are no bytes of one or three channels */
export const sidesOf = ({ name, type, shape }: StoredArray): ImageShape => {
  const [, height = 0, width = 0, channels = 1] = shape
  const fits = type === 'uint8' && (shape.length === 3 || (shape.length === 4 && (channels === 1 || channels === 3)))
  if (!fits || height < 1 || width < 1 || height > longestSide || width > longestSide) {
    const remedy = type.startsWith('float')
      ? 'say what becomes black and white (range=0,1 or range=-1,1), or write them as uint8'
      : shape.length === 4 && shape[1] === 3
        ? 'give the channels last'
        : 'give an images file'
    throw new DataError(
      `expected images as uint8 [count, height, width] or [count, height, width, 3] of 1 to ${longestSide} pixels a side, found ${type} ${shownShape(shape)} (${name}): ${remedy}`,
    )
  }
  return channels === 3 ? [height, width, 3] : [height, width]
}

/** @throws DataError if there are no labels, or not as many as images */
export const checkCounts = (images: StoredArray, labels: StoredArray): void => {
  const [imageCount = 0] = images.shape
  const { type, shape } = labels
  const [labelCount = 0, columns = 1] = shape
  const flat = shape.length === 1 || (shape.length === 2 && columns === 1)
  const table = type === 'int32' && shape.length === 2 && columns > 1
  if (!/^u?int/.test(type) || (!flat && !table))
    throw new DataError(
      `expected labels as integers [count], found ${type} ${shownShape(shape)} (${labels.name}): give a labels file`,
    )
  if (imageCount !== labelCount)
    throw new DataError(
      `expected as many labels as images, found ${imageCount} images (${images.name}) and ${labelCount} labels (${labels.name}): give files of one data set`,
    )
  if (imageCount === 0) throw new DataError(`expected at least one image, found none (${images.name})`)
}
