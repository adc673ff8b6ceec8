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
    ['shapes that differ', [{ testImages: images(1, 3, 2) }], 'size [2, 2], found [3, 2] (ei)'],
    ['no images', [{ trainImages: images(0), trainLabels: labels() }], 'expected at least one image, found none (ti)'],
    [
      'labels for images',
      [{ trainImages: labels(1) }],
      'expected images as uint8 [count, height, width], found uint8 [1] (ti)',
    ],
    ['images for labels', [{ trainLabels: images(3) }], 'expected labels as uint8 [count], found uint8 [3, 2, 2] (tl)'],
    ['images without a pixel', [{ trainImages: images(3, 0, 2) }], 'found uint8 [3, 0, 2] (ti)'],
  ])('refuses %s', async (_, given, message) => {
    await expect(make(...given)).rejects.toThrow(message)
    await expect(make(...given)).rejects.toBeInstanceOf(DataError)
  })

  test('a damaged file is named', async () => {
    await expect(make({ testLabels: labels(1, 2).subarray(0, 9) })).rejects.toThrow('the file holds 9 (el)')
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

  test('a count that can not be is refused', async () => {
    await expect(strokes({ trainCount: 60001 })).rejects.toThrow('strokes has from 1 to 60000 images, not 60001')
  })
})
