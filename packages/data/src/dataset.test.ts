import { createHash } from 'node:crypto'
import { writeIdx } from '@digitlab/idx'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batches, DataError, datasetFromFiles, strokes } from './index'

test('batches are the order in pieces, the last one of what is left', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 50 }), fc.integer({ min: 1, max: 60 }), (order, size) => {
      const pieces = [...batches(Int32Array.from(order), size)]
      expect(pieces.flatMap((piece) => [...piece])).toEqual(order)
      expect(pieces.slice(0, -1).every((piece) => piece.length === size)).toBe(true)
      expect(pieces.every((piece) => piece.length > 0)).toBe(true)
    }),
  )
  expect(() => [...batches(new Int32Array(3), 0)]).toThrow('a batch holds at least 1 image, not 0')
})

describe('datasetFromFiles', () => {
  const images = (count: number, height = 2, width = 2) =>
    writeIdx({ type: 'uint8', shape: [count, height, width], data: new Uint8Array(count * height * width) })
  const labels = (...values: number[]) =>
    writeIdx({ type: 'uint8', shape: [values.length], data: Uint8Array.from(values) })
  const make = (
    bytes: Partial<Record<'trainImages' | 'trainLabels' | 'testImages' | 'testLabels', Uint8Array>>,
    classNames?: string[],
  ) => {
    const file = (name: string, held: Uint8Array) => ({ name, bytes: held })
    return datasetFromFiles(
      { name: 'mine', title: 'Mine', origin: 'here', ...(classNames ? { classNames } : {}) },
      {
        trainImages: file('ti', bytes.trainImages ?? images(3)),
        trainLabels: file('tl', bytes.trainLabels ?? labels(0, 1, 2)),
        testImages: file('ei', bytes.testImages ?? images(1)),
        testLabels: file('el', bytes.testLabels ?? labels(4)),
      },
    )
  }

  test('finds shape and classes', async () => {
    const data = await make({})
    expect(data).toMatchObject({ imageShape: [2, 2], classes: 5, classNames: ['0', '1', '2', '3', '4'] })
    expect(data.train.count).toBe(3)
    expect(data.files[0]).toEqual({
      name: 'ti',
      bytes: 28,
      sha256: createHash('sha256').update(images(3)).digest('hex'),
    })
  })

  test('takes labels as QMNIST has them, the class first', async () => {
    const table = writeIdx({ type: 'int32', shape: [3, 2], data: Int32Array.of(2, 900, 0, 901, 1, 902) })
    expect([...(await make({ trainLabels: table })).train.labels]).toEqual([2, 0, 1])
  })

  test('takes labels of every integer type, and images with a channel of their own', async () => {
    for (const data of [Int8Array.of(2, 0, 1), Int16Array.of(2, 0, 1), Int32Array.of(2, 0, 1), Uint8Array.of(2, 0, 1)])
      for (const shape of [[3], [3, 1]]) {
        const made = await make({ trainLabels: writeIdx({ shape, data }), testLabels: labels(0) })
        expect([...made.train.labels]).toEqual([2, 0, 1])
        expect(made.classes).toBe(3)
        expect(made).not.toHaveProperty('notice')
      }
    const channels = writeIdx({ type: 'uint8', shape: [3, 2, 2, 1], data: new Uint8Array(12).fill(7) })
    const made = await make({ trainImages: channels })
    expect([made.imageShape, made.train.images.length]).toEqual([[2, 2], 12])
    expect(made.files[0]?.bytes).toBe(32)
  })

  test('counts labels that begin at 1 from there', async () => {
    const made = await make({ trainLabels: labels(1, 3, 2), testLabels: labels(3) })
    expect(made).toMatchObject({ classes: 3, classNames: ['1', '2', '3'] })
    expect([[...made.train.labels], [...made.test.labels]]).toEqual([[0, 2, 1], [2]])
    expect(made).not.toHaveProperty('notice')
    // A named set's classes are known: there the labels stay what they are.
    const named = await make({ trainLabels: labels(1, 3, 2), testLabels: labels(3) }, ['a', 'b', 'c', 'd'])
    expect([...named.train.labels]).toEqual([1, 3, 2])
    expect(named).not.toHaveProperty('notice')
  })

  test('a stray label does not make many classes without a word', async () => {
    const made = await make({ trainLabels: labels(0, 1, 255), testLabels: labels(1) })
    expect(made.classes).toBe(256)
    expect(made.notice).toBe(
      'the labels go up to 255, which makes 256 classes, but 253 of them have no image (one image has the label 255): is that label a mistake?',
    )
  })

  test('one class alone is said', async () => {
    for (const label of [0, 1, 7])
      expect((await make({ trainLabels: labels(label, label, label), testLabels: labels(label) })).notice).toBe(
        `all training images are of one class, ${label}: there is nothing to tell apart`,
      )
  })

  test.each<[string, Parameters<typeof make>, string]>([
    ['counts that differ', [{ trainLabels: labels(0, 1) }], 'found 3 images (ti) and 2 labels (tl)'],
    [
      'a label outside the classes',
      [{ trainLabels: labels(0, 9, 1) }, ['a', 'b', 'c', 'd', 'e']],
      'expected labels from 0 to 4, found 9 at position 1 (tl)',
    ],
    [
      'a negative label',
      [{ trainLabels: writeIdx({ type: 'int32', shape: [3, 1], data: Int32Array.of(0, -7, 1) }) }],
      'found -7 at position 1 (tl)',
    ],
    [
      'a label above all classes',
      [{ trainLabels: writeIdx({ shape: [3], data: Int16Array.of(0, 300, 1) }) }],
      'expected labels from 0 to 255, found 300 at position 1 (tl)',
    ],
    [
      'a label of 256 beside one of 0',
      [{ trainLabels: writeIdx({ shape: [3], data: Int16Array.of(0, 256, 1) }) }],
      'expected labels from 0 to 255 or from 1 to 256, found 256',
    ],
    [
      'labels as rows with a single 1',
      [{ trainLabels: writeIdx({ shape: [3, 3], data: Int32Array.of(0, 1, 0, 1, 0, 0, 0, 0, 1) }) }],
      'expected one label for each image, found rows with a single 1 among 3 (tl)',
    ],
    [
      'labels that are no integers',
      [{ trainLabels: writeIdx({ shape: [3], data: Float32Array.of(0, 1, 2) }) }],
      'expected labels as integers [count], found float32 [3] (tl)',
    ],
    [
      'images of two channels',
      [{ trainImages: writeIdx({ type: 'uint8', shape: [3, 2, 2, 2], data: new Uint8Array(24) }) }],
      'found uint8 [3, 2, 2, 2] (ti)',
    ],
    [
      'images in colour to train on alone',
      [{ trainImages: writeIdx({ type: 'uint8', shape: [3, 2, 2, 3], data: new Uint8Array(36) }) }],
      'size [2, 2, 3], found [2, 2] (ei)',
    ],
    ['shapes that differ', [{ testImages: images(1, 3, 2) }], 'size [2, 2], found [3, 2] (ei)'],
    ['no images', [{ trainImages: images(0), trainLabels: labels() }], 'expected at least one image, found none (ti)'],
    [
      'labels for images',
      [{ trainImages: labels(1) }],
      'expected images as uint8 [count, height, width] or [count, height, width, 3] of 1 to 4096 pixels a side, found uint8 [1] (ti)',
    ],
    [
      'images for labels',
      [{ trainLabels: images(3) }],
      'expected labels as integers [count], found uint8 [3, 2, 2] (tl)',
    ],
    ['images without a pixel', [{ trainImages: images(3, 0, 2) }], 'found uint8 [3, 0, 2] (ti)'],
  ])('refuses %s', async (_, given, message) => {
    await expect(make(...given)).rejects.toThrow(message)
    await expect(make(...given)).rejects.toBeInstanceOf(DataError)
  })

  test('a damaged file is named', async () => {
    await expect(make({ testImages: images(1).subarray(0, 17) })).rejects.toThrow('the file holds 17 (ei)')
  })
})

describe('strokes', () => {
  test('are the same bytes everywhere', async () => {
    const data = await strokes()
    expect(data.files.map(({ bytes }) => bytes)).toEqual([60000 * 784, 60000, 10000 * 784, 10000])
    expect(data.files.map(({ sha256 }) => sha256.slice(0, 16))).toMatchInlineSnapshot(`
      [
        "849f393b9caeb095",
        "d1eb3686945bf821",
        "c420c8421db9d8db",
        "a65953c64ff565bb",
      ]
    `)
    const counts = new Array<number>(10).fill(0)
    for (const label of data.train.labels) counts[label] = (counts[label] ?? 0) + 1
    expect(counts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]) // MNIST's
  })

  test('fewer are the first ones of all, another seed gives others', async () => {
    const some = await strokes({ trainCount: 50, testCount: 5 })
    const few = await strokes({ trainCount: 20, testCount: 5 })
    expect([...few.train.images]).toEqual([...some.train.images.subarray(0, 20 * 784)])
    expect([...few.train.labels]).toEqual([...some.train.labels.subarray(0, 20)])
    const other = await strokes({ seed: 1, trainCount: 20, testCount: 5 })
    expect([...other.train.images]).not.toEqual([...few.train.images])
  })

  test("have MNIST's form: ink within the middle, centred by mass, most pixels empty", async () => {
    const { train } = await strokes({ trainCount: 200, testCount: 1 })
    let empty = 0
    for (let i = 0; i < 200; i++) {
      let [mass, x, y] = [0, 0, 0]
      train.images.subarray(i * 784, (i + 1) * 784).forEach((value, p) => {
        if (value === 0) empty++
        mass += value
        x += value * ((p % 28) + 0.5)
        y += value * (Math.floor(p / 28) + 0.5)
      })
      expect(Math.abs(x / mass - 14)).toBeLessThan(1)
      expect(Math.abs(y / mass - 14)).toBeLessThan(1)
    }
    expect(empty / (200 * 784)).toBeGreaterThan(0.7)
  })

  test('a count that cannot be is refused', async () => {
    await expect(strokes({ trainCount: 60001 })).rejects.toThrow('strokes has from 1 to 60000 images, not 60001')
  })
})
