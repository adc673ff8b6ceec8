// Pictures as people have them, read by a network that PyTorch trained on MNIST.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { cpuBackend } from '@digitlab/backend-cpu'
import { digitPicture } from '@digitlab/data'
import { loadDataset } from '@digitlab/data/node'
import { resolveModel, type Model } from '@digitlab/models'
import { uploadWeights, type Weights } from '@digitlab/models/compute'
import { MersenneTwister } from '@digitlab/random'
import { predict } from '@digitlab/train'
import { readPth } from '@digitlab/weights'
import { beforeAll, describe, expect, test } from 'vitest'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { kinds, pageWith } from './testing/picture-kinds'

const cnn = fileURLToPath(new URL('../../../packages/weights/test-data/cnn.pth', import.meta.url))
const folder = mnistFolder()

let model: Model
let weights: Weights
let images: Uint8Array
let labels: ArrayLike<number>
beforeAll(async () => {
  if (!folder) return
  await cpuBackend().start()
  model = resolveModel('cnn', { input: [28, 28, 1], classes: 10 })
  weights = uploadWeights(model, readPth(await readFile(cnn), 'cnn.pth').weights)
  ;({ images, labels } = (await loadDataset('mnist', { folder })).test)
})

const noMnist = 'MNIST is not at hand: set DIGITLAB_DATA'
const labelsOf = (chosen: readonly number[]) => chosen.map((i) => labels[i] ?? -1)

const none = { rgba: new Uint8Array(0), width: 0, height: 0 }
const digit = (i: number) => images.subarray(i * 784, (i + 1) * 784)

/** How many of these forms the network reads as what they are. */
const right = async (forms: readonly Uint8Array[], wanted: readonly number[]): Promise<number> => {
  const pixels = new Uint8Array(784 * forms.length)
  forms.forEach((form, i) => pixels.set(form, 784 * i))
  const { classes } = await predict(model, weights, pixels)
  return wanted.filter((label, i) => classes[i] === label).length
}

const chosenDigits = (): number[] => {
  const taken: number[] = []
  for (let label = 0; label < 10; label++) {
    let from = 0
    for (let n = 0; n < ofEach; n++) {
      while (labels[from] !== label) from++
      taken.push(from++)
    }
  }
  return taken
}

/** Two digits of each class with --all, else one. */
const ofEach = process.env['DIGITLAB_ALL'] === '1' ? 2 : 1

describe(`of ${10 * ofEach} digits at least ${9 * ofEach} are read`, () => {
  test.for(Object.keys(kinds))('%s', async (kind, { skip }) => {
    if (!folder) return skip(noMnist)
    const random = new MersenneTwister(3)
    const chosen = chosenDigits()
    const forms = chosen.map((i) => {
      const [left, top] = [140 + (random.next() % 110), 50 + (random.next() % 180)]
      const picture = kinds[kind]?.(pageWith(digit(i), 400, 112, left, top), random)
      if (!picture) throw new Error(kind)
      return digitPicture(picture.rgba, picture.width, picture.height).form
    })
    expect(await right(forms, labelsOf(chosen))).toBeGreaterThanOrEqual(9 * ofEach)
  })
})

test('600 clean digits at 112 pixels: as many as from their bounding box alone', async ({ skip }) => {
  if (!folder) return skip(noMnist)
  const chosen = Array.from({ length: 600 }, (_, i) => i)
  const found = chosen.map((i) => {
    const { rgba, width, height } = kinds['plain']?.(pageWith(digit(i), 112, 112, 0, 0), new MersenneTwister(0)) ?? none
    return digitPicture(rgba, width, height)
  })
  expect(found.filter(({ doubt }) => doubt !== undefined)).toEqual([])
  // 547 by the box around all ink, which the form came from before parts were told apart
  expect(
    await right(
      found.map(({ form }) => form),
      labelsOf(chosen),
    ),
  ).toBeGreaterThanOrEqual(547)
})
