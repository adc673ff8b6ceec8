import { describe, expect, test } from 'vitest'
import { inspectDataset, prepareDataset, strokes, type Dataset } from './index'

const digits = () => strokes({ trainCount: 200, testCount: 50 })
const found = async (change: (data: Dataset) => Dataset | Promise<Dataset>) =>
  inspectDataset(await change(await digits()))

describe('what looks wrong with a data set', () => {
  test('nothing, with sound digits; their classes are counted', async () => {
    const data = await digits()
    const { counts, duplicates, findings } = inspectDataset(data)
    expect(findings).toEqual([])
    expect(duplicates).toBe(0)
    expect(counts.train.reduce((sum, count) => sum + count)).toBe(200)
    expect(counts.test[3]).toBe(data.test.labels.filter((label) => label === 3).length)
  })

  test('dark ink on a light ground', async () => {
    const { findings } = await found((data) => prepareDataset(data, { invert: true }))
    expect(findings).toEqual(['the ground is light and the ink dark: "invert" turns that round'])
  })

  test('letters that lie on their side, light or dark', async () => {
    for (const invert of [false, true]) {
      const { findings } = await found((data) =>
        prepareDataset(data, { transpose: true, ...(invert ? { invert } : {}) }),
      )
      expect(findings.at(-1)).toMatch(
        /times as wide as high on average, as letters that lie on their side: "transpose"/,
      )
    }
  })

  test('images of the test set among those to train on, and those of another label', async () => {
    const { duplicates, findings } = await found((data) => {
      const images = data.test.images.slice()
      images.set(data.train.images.subarray(0, 3 * 784))
      const labels = data.test.labels.slice()
      for (let i = 0; i < 3; i++) labels[i] = i < 2 ? (data.train.labels[i] ?? 0) : 9 - (data.train.labels[i] ?? 0)
      return { ...data, test: { ...data.test, images, labels } }
    })
    expect(duplicates).toBe(3)
    expect(findings).toEqual([
      '3 of 50 test images are also among the training images: a test on them says too much',
      '1 of 50 test images are among the training images with another label',
    ])
  })

  test('classes without images, empty images, pixels of 0 and 1', async () => {
    const { findings } = await found((data) => ({
      ...data,
      train: {
        ...data.train,
        images: new Uint8Array(data.train.images.length),
        labels: data.train.labels.map((label) => label % 9),
      },
    }))
    expect(findings).toEqual([
      'no image to train on of class 9',
      'no pixel is above 0: were they from 0 to 1 before they became bytes?',
      '200 of the first 200 training images are of one value throughout',
    ])
  })
})
