// Data sets larger than memory: the images to train on stay in their IDX file, from which those of a block of the order are read at a
// time. Those to test on are fewer, and figures are drawn of them: they are held in memory.
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, createWriteStream, openSync, readSync } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gunzipped, streamIdx } from '@digitlab/idx'
import { cacheFolder } from './cache-folder'
import { DataError } from './data-error'
import { storedIdx, type DataFile, type Dataset, type DatasetNames, type Split, type SplitStream } from './dataset'
import { bytesOfImage, channelsOf, resizedShape, type ImageShape } from './image-shape'
import { readLabels, type StoredLabels } from './labels'
import { preparedName, type Preparation } from './preparation'
import { readIfThere } from './read-file'
import { checkCounts, sidesOf } from './stored-array'

/** The paths of the four IDX files of a data set. */
export interface IdxPaths {
  readonly trainImages: string
  readonly trainLabels: string
  readonly testImages: string
  readonly testLabels: string
}

/** How much of the machine's memory images may take before they are streamed. */
const mostOfMemory = 0.5

/** Memory that this process may have, in bytes: its container's, else the machine's. */
const memory = (): number => {
  const own = process.constrainedMemory?.() ?? 0
  return own > 0 && own < totalmem() ? own : totalmem()
}

/** Whether images to train on are to be streamed: they take more than half of the memory that there is. */
export const isLarge = async (path: string): Promise<boolean> => {
  const { shape } = await headerOf(path)
  const bytes = shape.reduce((product, size) => product * size, 1)
  return bytes > mostOfMemory * memory()
}

const headerOf = async (path: string) => {
  const stream = await streamIdx(createReadStream(path) as AsyncIterable<Uint8Array>, { name: path })
  await stream.cancel()
  return stream
}

/**
 * A data set whose training images are read from their IDX file as they are asked for. One that is packed is unpacked into the cache
 * once.
 *
 * @throws DataError if they do not fit each other, or something is to be made of them that needs them in memory
 */
export const streamedDataset = async (
  paths: IdxPaths,
  { classNames: named, ...names }: DatasetNames,
  preparation: Preparation,
  env: Readonly<Record<string, string | undefined>> | undefined,
): Promise<Dataset> => {
  const { transpose = false, invert = false, channels, ...others } = preparation
  const [needless] = Object.keys(others)
  if (needless !== undefined)
    throw new DataError(
      `"${needless}" needs the images of ${names.title} in memory, and they are streamed from the disk: leave it out, or hold them in memory`,
    )
  const whole = async (path: string): Promise<StoredLabels & { type: string; file: DataFile }> => {
    const found = await readIfThere(path)
    if (!found) throw new DataError(`${path} was there and has gone: try again`, { code: 'disk' })
    let content: Uint8Array = new Uint8Array(0)
    const stored = await storedIdx({ name: basename(path), bytes: found.bytes }, (bytes) => (content = bytes))
    const data = await stored.read()
    const sha256 = createHash('sha256').update(content).digest('hex')
    return { ...stored, data, file: { name: stored.name, bytes: content.length, sha256 } }
  }
  const trainLabels = await whole(paths.trainLabels)
  const testImages = await whole(paths.testImages)
  const testLabels = await whole(paths.testLabels)
  const asArray = <T extends object>(array: T) => ({ ...array, read: () => Promise.reject(new Error('it was read')) })
  const trainImages = asArray({ name: basename(paths.trainImages), ...(await headerOf(paths.trainImages)) })
  const [sides, testSides] = [sidesOf(trainImages), sidesOf(asArray(testImages))]
  if (sides.join() !== testSides.join())
    throw new DataError(
      `expected test images of the training images' size [${sides.join(', ')}], found [${testSides.join(', ')}] (${testImages.name}): give files of one data set`,
    )
  const [has, asked] = [channelsOf(sides), channels ?? 1]
  if (has !== asked)
    throw new DataError(
      `the images of ${names.title} have ${has} values a pixel, ${asked} are asked for, and they are streamed from the disk as they are: ask for ${has} (channels=${has}), or hold them in memory`,
    )
  checkCounts(trainImages, asArray(trainLabels))
  checkCounts(asArray(testImages), asArray(testLabels))
  const { classNames, train, test, notice } = readLabels(trainLabels, testLabels, named)
  const [height, width] = sides
  const imageShape = transpose ? resizedShape(sides, width, height) : sides
  const { path } = await unpackedFile(paths.trainImages, env)
  const stream = fileStream(path, 4 + 4 * trainImages.shape.length, sides, { transpose, invert })
  const made = { transpose, invert }
  const tested = turnedSplit(
    { images: testImages.data as Uint8Array, labels: test, count: test.length }, // sidesOf saw the type
    sides,
    made,
  )
  const called = trainImages.name.replace(/\.gz$/, '')
  const trainFile = {
    name: called,
    ...(transpose || invert ? await hashOfImages(stream, train.length, imageShape) : await hashOf(path)),
  }
  const testFile = {
    ...testImages.file,
    ...(transpose || invert ? await hashOfImages(splitStream(tested.images, sides), test.length, imageShape) : {}),
  }
  return {
    ...names,
    name: preparedName(names.name, preparation),
    title: preparedName(names.title, preparation),
    imageShape,
    classes: classNames.length,
    classNames,
    train: { images: new Uint8Array(0), labels: train, count: train.length, stream },
    test: tested,
    files: [trainFile, trainLabels.file, testFile, testLabels.file],
    format: 'IDX',
    ...(notice === undefined ? {} : { notice }),
  }
}

const hashOf = async (path: string): Promise<{ readonly bytes: number; readonly sha256: string }> => {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(piece)
    bytes += piece.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** What the IDX file of images would be, as they are after something was made of them. */
const hashOfImages = async (
  stream: Pick<SplitStream, 'read'>,
  count: number,
  shape: ImageShape,
): Promise<{ readonly bytes: number; readonly sha256: string }> => {
  const stored = shape.filter((size) => size !== undefined)
  const header = new DataView(new ArrayBuffer(8 + 4 * stored.length))
  ;[0x801 + stored.length, count, ...stored].forEach((size, i) => header.setUint32(4 * i, size))
  const hash = createHash('sha256').update(new Uint8Array(header.buffer))
  const pixels = bytesOfImage(shape)
  for (let from = 0; from < count; from += 4096) {
    const indices = Int32Array.from({ length: Math.min(4096, count - from) }, (_, i) => from + i)
    const images = new Uint8Array(indices.length * pixels)
    stream.read(indices, images)
    hash.update(images)
  }
  return { bytes: header.byteLength + count * pixels, sha256: hash.digest('hex') }
}

/** Images in memory, read as a stream is. */
const splitStream = (images: Uint8Array, imageShape: ImageShape): Pick<SplitStream, 'read'> => ({
  read(indices, target) {
    const pixels = bytesOfImage(imageShape)
    indices.forEach((index, i) => target.set(images.subarray(index * pixels, (index + 1) * pixels), i * pixels))
  },
})

/** A file that is not packed: itself, or what was unpacked of it into the cache. */
const unpackedFile = async (
  path: string,
  env: Readonly<Record<string, string | undefined>> | undefined,
): Promise<{ readonly path: string }> => {
  for await (const piece of createReadStream(path, { end: 1 }) as AsyncIterable<Buffer>)
    if (piece[0] !== 0x1f || piece[1] !== 0x8b) return { path }
  const { size, mtimeMs } = await stat(path)
  const key = createHash('sha256').update(`${path}\n${size}\n${mtimeMs}`).digest('hex').slice(0, 16)
  const target = join(cacheFolder(env), 'unpacked', key)
  const there = await stat(target).catch(() => undefined)
  if (there?.isFile()) return { path: target }
  const partial = `${target}.${process.pid}`
  try {
    await mkdir(dirname(target), { recursive: true })
    const content = gunzipped(createReadStream(path) as AsyncIterable<Uint8Array>, { name: path })
    await pipeline(Readable.from(content), createWriteStream(partial))
    await rename(partial, target)
    return { path: target }
  } catch (cause) {
    await rm(partial, { force: true })
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
    throw new DataError(
      `could not unpack ${path} into ${dirname(target)} (${(cause as Error).message}): make room there, or unpack it yourself`,
      { code: 'disk', cause },
    )
  }
}

/** @param offset where the first image begins */
const fileStream = (path: string, offset: number, imageShape: ImageShape, made: Turned): SplitStream => {
  const pixels = bytesOfImage(imageShape)
  const file = openSync(path, 'r')
  return {
    read(indices, target) {
      for (let i = 0; i < indices.length;) {
        // Images that lie side by side are read at once.
        let end = i + 1
        while (end < indices.length && indices[end] === (indices[i] ?? 0) + end - i) end++
        const wanted = (end - i) * pixels
        const got = readSync(file, target, i * pixels, wanted, offset + (indices[i] ?? 0) * pixels)
        if (got !== wanted)
          throw new DataError(
            `expected ${wanted} bytes of image ${indices[i]} in ${path}, found ${got}: it was changed while it was read, get it again`,
            { code: 'disk' },
          )
        i = end
      }
      turn(target, indices.length, imageShape, made)
    },
    close: () => closeSync(file),
  }
}

/** What is made of images one by one. */
interface Turned {
  readonly transpose: boolean
  readonly invert: boolean
}

const turn = (images: Uint8Array, count: number, imageShape: ImageShape, { transpose, invert }: Turned): void => {
  const [height, width] = imageShape
  const [channels, pixels] = [channelsOf(imageShape), bytesOfImage(imageShape)]
  if (invert) for (let p = 0; p < count * pixels; p++) images[p] = 255 - (images[p] ?? 0)
  if (!transpose) return
  const turned = new Uint8Array(pixels)
  for (let i = 0; i < count; i++) {
    const image = images.subarray(i * pixels, (i + 1) * pixels)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++)
          turned[(x * height + y) * channels + c] = image[(y * width + x) * channels + c] ?? 0
    image.set(turned)
  }
}

const turnedSplit = (split: Split, sides: ImageShape, made: Turned): Split => {
  if (!made.transpose && !made.invert) return split
  const images = split.images.slice()
  turn(images, split.count, sides, made)
  return { ...split, images }
}
