// A run and its predictions for the tests of this package.
import type { DrawnImages, DrawnRun, FeatureMaps, FirstLayer, ReportInput, RunPredictions } from '../drawn-run'
import { confusionMatrix } from '../metrics'

export interface ExampleOptions {
  readonly name?: string
  readonly title?: string
  readonly classNames?: readonly string[]
  readonly epochs?: number
  readonly stepsPerEpoch?: number
  /** How many test images, and every how many of them is a mistake; 0 for none. */
  readonly count?: number
  readonly mistakeEvery?: number
  /** A class that no test image has. */
  readonly without?: number
  readonly loss?: (step: number) => number
  readonly testLoss?: number
  readonly seed?: number
}

/** Predictions that are right but for every so many: those are taken for the class after. */
const predictionsOf = (classes: number, { count = 120, mistakeEvery = 7, without }: ExampleOptions): RunPredictions => {
  const present = Array.from({ length: classes }, (_, label) => label).filter((label) => label !== without)
  const labels = Array.from({ length: count }, (_, i) => present[i % present.length] ?? 0)
  const after = labels.map((label, i) => (mistakeEvery > 0 && i % mistakeEvery === 3 ? (label + 1) % classes : label))
  const probabilities = after.flatMap((predicted, i) => {
    const confidence = 0.5 + ((i * 37) % 100) / 201
    return Array.from({ length: classes }, (_, c) => (c === predicted ? confidence : (1 - confidence) / (classes - 1)))
  })
  return { labels, before: labels.map(() => 0), after, probabilities }
}

const digits = Array.from({ length: 10 }, (_, label) => String(label))

const exampleRun = (options: ExampleOptions = {}, predictions = exampleInput(options).predictions): DrawnRun => {
  const { name = 'cnn', title = 'MNIST', classNames = digits, epochs = 3, stepsPerEpoch = 20, seed = 0 } = options
  const { loss = (step) => 2.3 / (1 + step / 10), testLoss = 0.25 } = options
  const confusion = confusionMatrix(predictions?.labels ?? [], predictions?.after ?? [], classNames.length)
  const count = predictions?.labels.length ?? 0
  const correct = confusion.reduce((sum, row, label) => sum + (row[label] ?? 0), 0)
  return {
    id: 'abcdef0123456789'.repeat(4),
    status: 'completed',
    startedAt: '2026-01-02T03:04:05.000Z',
    experiment: { seed, epochs, batchSize: 50, optimizer: { name: 'sgd', learningRate: 0.1 } },
    model: { name, parameters: 20490 },
    dataset: {
      name: 'mnist',
      title,
      origin: 'this test',
      classNames,
      trainCount: 50 * stepsPerEpoch,
      testCount: count,
      files: [{ name: 'train-images', bytes: 47040016, sha256: 'ba89'.repeat(16) }],
    },
    backend: {
      id: 'wasm',
      device: 'WebAssembly',
      threads: 2,
      versions: { core: '4.22.0' },
      operations: { dense: 'kernel' },
    },
    environment: { runtime: 'Node 20', platform: 'linux x64', processors: 2, versions: { node: '20' } },
    history: {
      stepLosses: Array.from({ length: epochs * stepsPerEpoch }, (_, i) => loss(i + 1)),
      epochs: Array.from({ length: epochs }, (_, i) => ({
        epoch: i + 1,
        trainLoss: 1 / (i + 1),
        trainAccuracy: Math.min(1, 0.9 + i / 100),
        testLoss,
        testAccuracy: i === epochs - 1 ? correct / count : Math.min(1, 0.8 + i / 100),
        trainSeconds: 1.5,
      })),
    },
    metrics: { count, correct, accuracy: correct / count, meanLoss: testLoss, confusion },
    timing: { trainSeconds: 4.5, evaluationSeconds: 0.5, secondsPerEpoch: 1.5, imagesPerSecond: 1000 },
  }
}

export const exampleImages = (count: number): DrawnImages => ({
  height: 6,
  width: 6,
  pixels: Uint8Array.from({ length: count * 36 }, (_, i) => ((i * 37) % 11 > 6 ? 200 : 0)),
})

export const exampleLayer: FirstLayer = {
  name: 'conv1.weight',
  shape: [16, 1, 3, 3],
  data: Array.from({ length: 144 }, (_, i) => Math.sin(i)),
}

const exampleMaps: FeatureMaps = {
  image: 0,
  shape: [6, 6, 16],
  data: Array.from({ length: 576 }, (_, i) => Math.max(0, Math.sin(i))),
}

/** All that a report takes. */
export const exampleInput = (options: ExampleOptions = {}): ReportInput & { readonly predictions: RunPredictions } => {
  const predictions = predictionsOf((options.classNames ?? digits).length, options)
  return {
    run: exampleRun(options, predictions),
    predictions,
    images: exampleImages(predictions.labels.length),
    firstLayer: exampleLayer,
    featureMaps: exampleMaps,
  }
}
