import { initialWeights, modelNames, resolveModel, defineModel, type Layer, type Model } from '@digitlab/models'
import { logits, uploadWeights, disposeWeights } from '@digitlab/models/compute'
import { MersenneTwister } from '@digitlab/random'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend, tensor, tidy, type io } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { normalizationIn, readOnnx, weightsMetadata, writeOnnx, writeTfjs, type Normalization } from './index'

beforeAll(async () => {
  env().set('IS_TEST', true)
  await setBackend('cpu')
})

/** Padding, strides, pools, two channels in, a layer between flatten and dense, paths as names: what the catalogue leaves out. */
const odd = defineModel({
  name: 'odd',
  input: [13, 11, 2],
  layers: [
    { type: 'conv2d', name: 'features.0', out: 3, kernel: 3, stride: 2, padding: 1 },
    { type: 'relu' },
    { type: 'conv2d', name: 'b', out: 5, kernel: 2 },
    { type: 'maxPool2d', size: 2 },
    { type: 'flatten' },
    { type: 'relu' },
    { type: 'dense', name: 'i.l', out: 6 },
    { type: 'relu' },
    { type: 'dense', name: '_head', out: 4 },
  ],
})
/** Everything that has weights of its own or none, once each. */
const everything = defineModel({
  name: 'everything',
  input: [13, 11, 2],
  layers: [
    { type: 'conv2d', name: 'a', out: 4, kernel: [3, 2], stride: [2, 1], padding: [1, 0], bias: false },
    { type: 'batchNorm', name: 'norm', epsilon: 1e-3 },
    { type: 'leakyRelu', slope: 0.2 },
    { type: 'conv2d', name: 'grouped', out: 6, kernel: 3, padding: 1, groups: 2 },
    { type: 'silu' },
    { type: 'maxPool2d', size: 2, stride: 1 },
    { type: 'dropout', p: 0.3 },
    {
      type: 'residual',
      layers: [{ type: 'conv2d', name: 'block.a', out: 6, kernel: 3, padding: 1 }, { type: 'gelu' }],
    },
    { type: 'elu' },
    {
      type: 'residual',
      layers: [{ type: 'avgPool2d', size: [2, 3], stride: 1 }, { type: 'softplus' }],
      shortcut: [
        { type: 'conv2d', name: 'block.down', out: 6, kernel: [2, 3], groups: 6, bias: false },
        { type: 'tanh' },
      ],
    },
    { type: 'globalAvgPool2d' },
    { type: 'flatten' },
    { type: 'dense', name: 'fc', out: 5, bias: false },
    { type: 'batchNorm', name: 'rows' },
    { type: 'sigmoid' },
    { type: 'dense', name: 'head', out: 4 },
  ],
})
/** Without what branches, which a graph says less plainly. */
const row = defineModel({
  name: 'row',
  input: [13, 11, 2],
  layers: everything.definition.layers.filter(({ type }) => type !== 'residual'),
})
const models: [string, Model][] = [
  ...modelNames.map((name): [string, Model] => [name, resolveModel(name)]),
  ['odd', odd],
  ['row', row],
  ['everything', everything],
]

/** Weights as drawn, and running statistics that are none of a beginning. */
const stateOf = (model: Model) => {
  const weights = initialWeights(model, new MersenneTwister(3))
  for (const [name, { data }] of weights)
    if (/running_|norm\d*\.(weight|bias)/.test(name)) data.forEach((_, i) => (data[i] = 0.3 + ((i * 7) % 5) / 4))
  return weights
}

/** Images of whole numbers from 0 to 255, [batch, height, width, channels]. */
const pixelsFor = (model: Model, batch: number): Uint8Array => {
  const generator = new MersenneTwister(11)
  const size = model.definition.input.reduce((product, side) => product * side, batch)
  return Uint8Array.from({ length: size }, () => Math.max(0, (generator.next() % 512) - 256))
}

const asTheyAre: Normalization = { mean: 0, std: 1 }
const asMnist: Normalization = { mean: 0.1307, std: 0.3081 }

const computed = new WeakMap<Model, Map<string, Promise<Float32Array>>>()

/** Our logits of {@link pixelsFor} the model: once, however many formats are held to them. */
const ours = (model: Model, pixels: Uint8Array, normalization = asTheyAre): Promise<Float32Array> => {
  const known = computed.get(model) ?? new Map<string, Promise<Float32Array>>()
  const key = `${pixels.length} ${normalization.mean} ${normalization.std}`
  const found = known.get(key) ?? compute(model, pixels, normalization)
  computed.set(model, known.set(key, found))
  return found
}

const compute = async (model: Model, pixels: Uint8Array, { mean, std }: Normalization): Promise<Float32Array> => {
  const weights = uploadWeights(model, stateOf(model))
  const output = tidy(() =>
    logits(
      model,
      weights,
      tensor(
        Float32Array.from(pixels, (value) => (value / 255 - mean) / std),
        [pixels.length / sizeOf(model), ...model.definition.input],
      ),
    ),
  )
  const values = (await output.data()) as Float32Array
  output.dispose()
  disposeWeights(weights)
  return values
}
const sizeOf = (model: Model) => model.definition.input.reduce((product, side) => product * side, 1)

/** [batch, height, width, channels] to [batch, channels, height, width]. */
const channelsFirst = (model: Model, pixels: Uint8Array): Uint8Array => {
  const [height, width, channels] = model.definition.input
  return Uint8Array.from(pixels, (_, i) => {
    const [image, rest] = [Math.floor(i / sizeOf(model)), i % sizeOf(model)]
    const [channel, place] = [Math.floor(rest / (height * width)), rest % (height * width)]
    return pixels[image * sizeOf(model) + place * channels + channel] ?? 0
  })
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length)
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? NaN))))
}

describe.each(models)('%s', (_, model) => {
  const weights = stateOf(model)
  const [height, width, channels] = model.definition.input

  test('onnxruntime gives our logits, of floats and of bytes, for any batch', async () => {
    const { InferenceSession, Tensor, env: ort } = await import('onnxruntime-web')
    ort.wasm.numThreads = 1
    const float = await InferenceSession.create(writeOnnx(model, weights))
    const bytes = await InferenceSession.create(writeOnnx(model, weights, { input: 'uint8', probabilities: true }))
    for (const batch of [1, 3]) {
      const pixels = pixelsFor(model, batch)
      const wanted = await ours(model, pixels)
      const turned = channelsFirst(model, pixels)
      const shape = [batch, channels, height, width]
      const scaled = Float32Array.from(turned, (value) => value / 255)
      const { logits } = await float.run({ images: new Tensor('float32', scaled, shape) })
      expect(largestDifference(logits?.data as Float32Array, wanted)).toBeLessThan(1e-4)
      const both = await bytes.run({ images: new Tensor('uint8', turned, shape) })
      expect(largestDifference(both['logits']?.data as Float32Array, wanted)).toBeLessThan(1e-4)
      const first = Array.from((both['probabilities']!.data as Float32Array).subarray(0, model.classes))
      const powers = Array.from(wanted.subarray(0, model.classes), Math.exp)
      const total = powers.reduce((sum, power) => sum + power, 0)
      expect(
        largestDifference(
          first,
          powers.map((power) => power / total),
        ),
      ).toBeLessThan(1e-5)
    }
  })

  test.each([undefined, asMnist])('tfjs-layers gives our logits, of images normalized by %o', async (normalize) => {
    const { loadLayersModel } = await import('@tensorflow/tfjs-layers')
    const files = writeTfjs(model, weights, { metadata: weightsMetadata(model.definition), normalize })
    const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(files.get('model.json'))) as {
      modelTopology: object
      weightsManifest: { paths: string[]; weights: io.WeightsManifestEntry[] }[]
    }
    const manifest = weightsManifest.flatMap((group) => group.weights)
    const shards = weightsManifest.flatMap(({ paths }) => paths.map((path) => files.get(path) ?? new Uint8Array(0)))
    const weightData = await new Blob(shards as Uint8Array<ArrayBuffer>[]).arrayBuffer()
    const before = memory().numTensors
    const loaded = await loadLayersModel({ load: async () => ({ modelTopology, weightSpecs: manifest, weightData }) })
    for (const batch of [1, 3]) {
      const pixels = pixelsFor(model, batch)
      const images = tensor(
        Float32Array.from(pixels, (value) => value / 255),
        [batch, ...model.definition.input],
      )
      const output = loaded.predict(images) as typeof images
      // Normalized pixels are up to three times as large.
      expect(largestDifference(await output.data(), await ours(model, pixels, normalize))).toBeLessThan(
        normalize ? 1e-4 : 1e-5,
      )
      images.dispose()
      output.dispose()
    }
    loaded.dispose()
    expect(memory().numTensors).toBe(before)
  })

  test.runIf(!['everything', 'row', 'odd'].includes(model.name) || model === row)(
    'a graph that says nothing of a definition is read as the same layers',
    () => {
      const { graph } = readOnnx(writeOnnx(model, weights))
      const shapes = ({ layers }: Model) =>
        layers.filter(({ type }) => type.type !== 'dropout').map(({ output }) => output)
      expect(shapes(graph)).toEqual(shapes(model))
      const types = graph.layers.map(({ type }) => type.type)
      expect(types).toEqual(model.layers.map(({ type }) => type.type).filter((type) => type !== 'dropout'))
    },
  )

  test('an ONNX file normalizes its images where it is asked to, and what it says beside that is not believed', async () => {
    const { InferenceSession, Tensor, env: ort } = await import('onnxruntime-web')
    ort.wasm.numThreads = 1
    const metadata = weightsMetadata(model.definition, { normalize: asMnist })
    const file = writeOnnx(model, weights, { input: 'uint8', normalize: asMnist, metadata })
    const session = await InferenceSession.create(file)
    const pixels = pixelsFor(model, 2)
    const images = new Tensor('uint8', channelsFirst(model, pixels), [2, channels, height, width])
    const { logits } = await session.run({ images })
    expect(largestDifference(logits?.data as Float32Array, await ours(model, pixels, asMnist))).toBeLessThan(1e-4)
    const read = readOnnx(file)
    expect(normalizationIn(read.metadata)).toEqual(asMnist)
    for (const [name, { data, dtype }] of weights) {
      if (dtype) continue
      const found = read.weights.get(name)?.data ?? new Float32Array(0)
      expect(Buffer.from(found.buffer).equals(Buffer.from(data.buffer)), name).toBe(true)
    }
    expect(normalizationIn(readOnnx(writeOnnx(model, weights, { metadata })).metadata)).toBeUndefined()
  })

  test('the weights of an ONNX file are read back to the bit, with its metadata', () => {
    const metadata = weightsMetadata(model.definition, { experiment: 'abc' })
    const bytes = writeOnnx(model, weights, { input: 'uint8', metadata })
    const read = readOnnx(bytes)
    for (const [name, { shape, data }] of weights) {
      if (name.endsWith('num_batches_tracked')) continue // of training alone
      expect(read.weights.get(name)?.shape).toEqual(shape)
      const found = read.weights.get(name)?.data ?? new Float32Array(0)
      expect(Buffer.from(found.buffer).equals(Buffer.from(data.buffer)), name).toBe(true)
    }
    expect([...read.weights.keys()]).toEqual([...weights.keys()])
    expect(Object.fromEntries(read.metadata)).toEqual(metadata)
    expect(Buffer.from(writeOnnx(model, read.weights, { input: 'uint8', metadata })).equals(bytes)).toBe(true)
  })
})

test('what TensorFlow.js has no layer for is refused with the option', () => {
  const refused = (layer: Layer) => () => {
    const layers = [layer, { type: 'flatten' }, { type: 'dense', name: 'fc', out: 2 }] as const
    const model = defineModel({ name: 'mine', input: [4, 4, 1], layers })
    writeTfjs(model, initialWeights(model, new MersenneTwister(0)))
  }
  expect(refused({ type: 'elu', alpha: 0.7 })).toThrow(
    "layer 1 (elu) can't be written for TensorFlow.js with another alpha than 1: choose another format",
  )
  expect(refused({ type: 'maxPool2d', size: 2, padding: 1 })).toThrow('with padding, which Keras does with zeros')
})
