// Augmented images: against PyTorch's grid_sample, and where nothing of an image may change.
import type { Dataset } from '@digitlab/data'
import { number } from '@digitlab/models'
import { Philox } from '@digitlab/random'
import { describe, expect, test } from 'vitest'
import { createAugmenter, type ImageSource } from './augment-images'
import { inverseOf, type AffineMap } from './augmentations/affine'
import {
  augmentedCaptions,
  augmentedImages,
  augmentedSample,
  completeExperiment,
  defineAugmentation,
  experimentId,
  type ExperimentInput,
  type Extensions,
} from './experiment'
import { divide } from './validation'
import reference from './testing/augmentations.json'

type Augment = ExperimentInput['augment']

const { height, width } = reference
const pixels = height * width
/** The reference's image is the one at this index, and the others are not looked at. */
const { seed, epoch, index } = reference.drawn
const source = (count: number): ImageSource => {
  const images = Uint8Array.from({ length: count * pixels }, (_, i) => (i * 37 + (i >> 3)) % 256)
  return { images, imageShape: [height, width], trained: Int32Array.from({ length: count }, (_, i) => i) }
}
const many = source(50)
const at59999: ImageSource = {
  images: new Uint8Array((index + 1) * pixels),
  imageShape: [height, width],
  trained: Int32Array.of(index),
}
at59999.images.set(reference.image, index * pixels)

const rendered = (
  augment: Augment,
  from: ImageSource,
  indices: readonly number[],
  { start = 0, batchSize = 8, extensions = {} }: { start?: number; batchSize?: number; extensions?: Extensions } = {},
) => {
  const experiment = completeExperiment({ model: 'linear', seed, batchSize, augment }, extensions)
  const into = new Uint8Array(indices.length * pixels)
  createAugmenter(experiment, from, extensions)?.render(epoch, start, Int32Array.from(indices), into)
  return into
}
const original = ({ images }: ImageSource, indices: readonly number[]) =>
  Uint8Array.from(indices.flatMap((i) => Array.from(images.subarray(i * pixels, (i + 1) * pixels))))

/** Bytes are what PyTorch has between bytes, to the nearest. */
const expectNear = (bytes: ArrayLike<number>, exact: readonly number[]) => {
  expect(bytes.length).toBe(exact.length)
  const furthest = Math.max(...exact.map((value, i) => Math.abs(value - (bytes[i] ?? NaN))))
  expect(furthest).toBeLessThanOrEqual(0.5 + 1e-3)
}

describe('affine', () => {
  test.each(reference.maps)('$map takes pixels where PyTorch does', ({ map, pixels: exact }) => {
    const [a, b, c, d, e, f] = inverseOf(map as unknown as AffineMap, [height, width])
    const given = defineAugmentation({
      name: 'given',
      options: {},
      warp:
        () =>
        (_, { x, y }) =>
          x.forEach((column, i) => ([x[i], y[i]] = [a * column + b * y[i]! + c, d * column + e * y[i]! + f])),
    })
    const extensions = { augmentations: [given] }
    expectNear(rendered({ name: 'given' }, at59999, [index], { extensions }), exact)
  })

  test('draws its map from Philox, and the image is that of PyTorch', () => {
    const { pixels: exact, ...ranges } = reference.drawn.affine
    expectNear(rendered({ name: 'affine', ...ranges }, at59999, [index]), exact)
  })
})

test('elastic is noise from Philox, smoothed and added as PyTorch does it', () => {
  const { pixels: exact, alpha, sigma } = reference.drawn.elastic
  expectNear(rendered({ name: 'elastic', alpha, sigma }, at59999, [index]), exact)
})

test('an affine map and an elastic distortion are interpolated once', () => {
  const { shift, rotate, scale, shear } = reference.drawn.affine
  const { alpha, sigma } = reference.drawn.elastic
  const augment = [
    { name: 'affine', shift, rotate, scale, shear },
    { name: 'elastic', alpha, sigma },
  ]
  expectNear(rendered(augment, at59999, [index]), reference.drawn.both.pixels)
})

describe('cutout', () => {
  test('blackens one square in each image, cut off at the edge, and nothing else', () => {
    const bright: ImageSource = { ...many, images: new Uint8Array(many.images.length).fill(200) }
    const indices = Array.from({ length: 50 }, (_, i) => i)
    const images = rendered({ name: 'cutout', size: 4 }, bright, indices)
    const sizes = indices.map((i) => {
      const image = images.subarray(i * pixels, (i + 1) * pixels)
      const black = Array.from(image.keys()).filter((p) => image[p] === 0)
      expect(image.every((byte) => byte === 0 || byte === 200)).toBe(true)
      const [rows, columns] = [black.map((p) => Math.floor(p / width)), black.map((p) => p % width)]
      const span = (values: readonly number[]) => Math.max(...values) - Math.min(...values) + 1
      expect(span(rows) * span(columns)).toBe(black.length)
      expect(Math.max(span(rows), span(columns))).toBeLessThanOrEqual(4)
      return black.length
    })
    expect(Math.max(...sizes)).toBe(16)
    expect(Math.min(...sizes)).toBeLessThan(16)
  })
})

describe('mixup', () => {
  const experiment = (alpha: number) =>
    completeExperiment({ model: 'linear', seed, batchSize: 8, augment: { name: 'mixup', alpha } })

  test('adds each image and its partner by the share of its batch, rounded', () => {
    const { mixing } = createAugmenter(experiment(1), many, {})!
    const indices = [7, 3, 3, 49]
    const images = rendered({ name: 'mixup', alpha: 1 }, many, indices, { start: 6 })
    indices.forEach((own, i) => {
      const share = mixing!.share(epoch, Math.floor((6 + i) / 8))
      const other = mixing!.partner(epoch, own)
      const [a, b] = [original(many, [own]), original(many, [other])]
      const exact = Array.from(a, (byte, p) => (share * byte + (255 - share) * b[p]!) / 255)
      expectNear(images.subarray(i * pixels, (i + 1) * pixels), exact)
      expect(share).toBeGreaterThanOrEqual(127)
      expect(share).toBeLessThan(255)
    })
  })

  test.each([
    // E max(b, 1 - b), of 4,000,000 draws of torch.distributions.Beta
    [0.2, 0.8988],
    [1, 0.75],
    [4, 0.6368],
  ])('draws shares of the beta distribution of %d', (alpha, mean) => {
    const { mixing } = createAugmenter(experiment(alpha), many, {})!
    const shares = Array.from({ length: 4000 }, (_, batch) => mixing!.share(1, batch) / 255)
    const found = shares.reduce((sum, share) => sum + share, 0) / shares.length
    expect(Math.abs(found - mean)).toBeLessThan(0.01) // four standard errors
  })

  test('mixes with any image that is trained on, and with no other', () => {
    const trained = Int32Array.from({ length: 25 }, (_, i) => 2 * i)
    const { mixing } = createAugmenter(experiment(1), { ...many, trained }, {})!
    const partners = new Set(Array.from({ length: 500 }, (_, i) => mixing!.partner(1, i)))
    expect([...partners].sort((a, b) => a - b)).toEqual(Array.from(trained))
  })
})

describe('an image stays as it is', () => {
  const indices = [0, 13, 49]
  test.each<[string, Augment]>([
    ['affine without ranges', { name: 'affine' }],
    ['elastic without displacement', { name: 'elastic', alpha: 0 }],
    ['cutout of nothing', { name: 'cutout', size: 0 }],
    ['mixup of nothing', { name: 'mixup', alpha: 0 }],
    [
      'all of them',
      [{ name: 'affine' }, { name: 'elastic', alpha: 0 }, { name: 'cutout', size: 0 }, { name: 'mixup', alpha: 0 }],
    ],
  ])('%s', (_, augment) => {
    expect(rendered(augment, many, indices)).toEqual(original(many, indices))
  })
})

describe('what becomes of an image', () => {
  const augment: Augment = [
    { name: 'affine', rotate: 20, shift: 1 },
    { name: 'mixup', alpha: 1 },
    { name: 'elastic', alpha: 10, sigma: 2 },
    { name: 'cutout', size: 3 },
  ]
  const image = (indices: readonly number[], start: number, which: number) =>
    rendered(augment, many, indices, { start }).subarray(which * pixels, (which + 1) * pixels)

  test('depends on the image and its batch, not on what it is made with', () => {
    const alone = image([31], 17, 0)
    expect(image([4, 31, 5], 16, 1)).toEqual(alone)
    expect(image([31], 18, 0)).toEqual(alone) // the same batch of 8
    expect(image([31], 24, 0)).not.toEqual(alone)
    expect(image([30], 17, 0)).not.toEqual(alone)
  })

  test('is another in each epoch and of each seed', () => {
    const of = (seed: number, epoch: number) => {
      const experiment = completeExperiment({ model: 'linear', seed, augment: { name: 'affine', rotate: 20 } })
      const into = new Uint8Array(pixels)
      createAugmenter(experiment, many, {})?.render(epoch, 0, Int32Array.of(1), into)
      return into
    }
    expect(of(0, 1)).toEqual(of(0, 1))
    expect(of(0, 2)).not.toEqual(of(0, 1))
    expect(of(1, 1)).not.toEqual(of(0, 1))
  })
})

describe('an experiment', () => {
  const complete = (augment: unknown, extensions: Extensions = {}) =>
    completeExperiment({ model: 'linear', augment } as ExperimentInput, extensions)

  test('holds a list of augmentations with all their options, or none', async () => {
    expect(complete({ name: 'affine', rotate: 5 }).augment).toEqual([
      { name: 'affine', shift: 0, rotate: 5, scale: 0, shear: 0 },
    ])
    expect(Object.hasOwn(complete([]), 'augment')).toBe(false)
    expect(await experimentId(complete([]))).toBe(await experimentId(completeExperiment({ model: 'linear' })))
    expect(await experimentId(complete({ name: 'affine' }))).not.toBe(await experimentId(complete([])))
  })

  test.each<[unknown, string]>([
    [{ name: 'flip' }, 'there is no augmentation "flip": choose one of affine, elastic, cutout, mixup'],
    ['affine', 'augmentation must be an object such as { "name": "elastic" }, not "affine"'],
    [{ name: 'affine', rotate: 200 }, 'augmentation.rotate must be a number from 0 to 180, not 200'],
    [{ name: 'affine', scale: 1 }, 'augmentation.scale must be a number at least 0 and below 1, not 1'],
    [
      { name: 'affine', angle: 1 },
      'augmentation.angle is not an option of affine, which takes shift, rotate, scale and shear',
    ],
    [{ name: 'mixup', alpha: -0.2 }, 'augmentation.alpha must be a number from 0 to 1000, not -0.2'],
    [[{ name: 'affine' }, { name: 'affine' }], 'augment names affine twice: leave one of them out'],
  ])('refuses %j', (augment, sentence) => {
    expect(() => complete(augment)).toThrow(sentence)
  })

  test('refuses what mixes images twice', () => {
    const blend = defineAugmentation({ name: 'blend', options: {}, mix: () => () => 0.5 })
    expect(() => complete([{ name: 'mixup' }, { name: 'blend' }], { augmentations: [blend] })).toThrow(
      'augment mixes images twice, by mixup and blend: an image has two labels at most',
    )
  })

  test.each<[Augment, string]>([
    [{ name: 'affine', shift: 12 }, 'the augmentation affine shifts by up to 12 pixels, the images are 12 x 10'],
    [{ name: 'cutout', size: 24 }, 'the augmentation cutout blackens squares of 24 pixels, the images are 12 x 10'],
  ])('of %j is refused for images of 12 x 10', (augment, sentence) => {
    expect(() => rendered(augment, many, [0])).toThrow(sentence)
  })

  test('takes an augmentation from elsewhere', () => {
    const mirror = defineAugmentation({
      name: 'mirror',
      options: { probability: number({ from: 0, to: 1, default: 1 }) },
      warp:
        ({ probability }, [, width]) =>
        (draws, { x }) => {
          if (draws.uniform(0, 1) < probability) x.forEach((column, i) => (x[i] = width - 1 - column))
        },
    })
    const extensions = { augmentations: [mirror] }
    const [plain, turned] = [original(many, [3]), rendered({ name: 'mirror' }, many, [3], { extensions })]
    plain.forEach((byte, p) => expect(turned[Math.floor(p / width) * width + width - 1 - (p % width)]).toBe(byte))
    expect(() => defineAugmentation({ name: 'idle', options: {} })).toThrow(
      'the augmentation "idle" has none of warp, paint, mix: one is needed',
    )
    expect(() => defineAugmentation({ name: 'both', options: {}, mix: () => () => 1, paint: () => () => {} })).toThrow(
      'has paint and mix of warp, paint, mix: one is needed',
    )
  })
})

test('colours are changed together, each channel as a grey image would be', () => {
  const augment: Augment = [{ name: 'elastic' }, { name: 'mixup', alpha: 1 }, { name: 'cutout', size: 4 }]
  const images = Uint8Array.from({ length: 9 * pixels * 3 }, (_, i) => (i * 29 + (i >> 4)) % 256)
  const trained = Int32Array.from({ length: 9 }, (_, i) => i)
  const experiment = completeExperiment({ model: 'linear', seed, batchSize: 2, augment })
  const chosen = Int32Array.of(3, 0, 8)
  const into = new Uint8Array(3 * pixels * 3)
  const augmenter = createAugmenter(experiment, { images, imageShape: [height, width, 3], trained }, {})
  augmenter!.render(epoch, 0, chosen, into)
  for (let channel = 0; channel < 3; channel++) {
    const plane = images.filter((_, i) => i % 3 === channel)
    const grey = { images: plane, imageShape: [height, width] as const, trained }
    expect(into.filter((_, i) => i % 3 === channel)).toEqual(rendered(augment, grey, [...chosen], { batchSize: 2 }))
  }
})

test('images that are looked at are those of an epoch that begins with them', () => {
  const data = {
    train: { images: many.images, labels: Uint8Array.from({ length: 50 }, (_, i) => i % 7), count: 50 },
    imageShape: [height, width] as const,
  }
  const augment: Augment = [
    { name: 'affine', rotate: 20 },
    { name: 'mixup', alpha: 1 },
  ]
  const experiment = completeExperiment({ model: 'linear', seed, batchSize: 2, augment })
  const { images, labels } = augmentedImages(experiment, data, Int32Array.of(4, 9, 40), epoch)
  expect(images).toEqual(rendered(augment, many, [4, 9, 40], { batchSize: 2 }))
  const { mixing } = createAugmenter(experiment, many, {})!
  expect(labels).toEqual(
    [4, 9, 40].map((image, i) => ({
      label: image % 7,
      other: mixing!.partner(epoch, image) % 7,
      share: mixing!.share(epoch, i >> 1) / 255,
    })),
  )
  const plain = augmentedImages(completeExperiment({ model: 'linear' }), data, Int32Array.of(4))
  expect(plain).toEqual({ images: original(many, [4]), labels: [{ label: 4 }] })
  const classNames = ['a', 'b']
  expect(augmentedCaptions({ images, labels: [{ label: 0, other: 9 }, { label: 1 }] }, classNames)).toEqual([
    'a + 9',
    'b',
  ])
  const dataset: Dataset = {
    ...{ name: 'fifty', title: 'Fifty', origin: 'this test', files: [], ...data, test: data.train },
    ...{ classes: 7, classNames: [...'abcdefg'] },
  }
  expect(augmentedSample(experiment, dataset)!.captions).toHaveLength(50)
  expect(augmentedSample(completeExperiment({ model: 'linear' }), dataset)).toBeUndefined()
  // What is set aside is never changed, and not shown.
  const aside = { ...experiment, validation: 10 }
  const left = divide(dataset, aside).data
  const first = Int32Array.from({ length: 40 }, (_, i) => i)
  expect(augmentedSample(aside, dataset)!.pixels).toEqual(augmentedImages(aside, left, first).images)
})

test('the numbers of a stream are those that the documentation says', () => {
  const seen: number[] = []
  const spy = defineAugmentation({ name: 'spy', options: {}, paint: () => (draws) => void seen.push(draws.next()) })
  rendered([{ name: 'affine' }, { name: 'spy' }], many, [5, 6], { extensions: { augmentations: [spy] } })
  expect(seen).toEqual([5, 6].map((image) => new Philox().seek([seed, epoch], [image, 1, 0]).next()))
})
