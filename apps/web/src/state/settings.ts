// What the form was set to, kept between visits.
import { models, pageBackends, type DataChoice, type Settings } from '../protocol'

const defaults: Settings = {
  model: 'cnn',
  backend: 'wasm',
  threads: 'auto',
  seed: 0,
  epochs: 5,
  batchSize: 64,
  optimizer: 'sgd',
  learningRate: 0.1,
}

/** What each optimizer is given unless something else is typed: PyTorch's, and the case study's for sgd. */
export const learningRates = { sgd: 0.1, adam: 0.001 } as const

const dataChoices: readonly DataChoice[] = ['auto', 'strokes', 'mnist', 'fashion-mnist', 'kmnist', 'qmnist']

const read = (name: string): unknown => {
  try {
    return JSON.parse(localStorage.getItem(name) ?? 'null')
  } catch {
    return null // no storage here, or something else wrote it
  }
}

/** Keeps a value where that can be; a browser that keeps nothing starts anew each time. */
export const remember = (name: string, value: unknown): void => {
  try {
    localStorage.setItem(name, JSON.stringify(value))
  } catch {
    // as said
  }
}

/** The settings of the last visit, where they are some. */
export const rememberedSettings = (): Settings => {
  const kept = read('digitlab-settings')
  if (typeof kept !== 'object' || kept === null) return defaults
  const { model, backend, threads, seed, epochs, batchSize, optimizer, learningRate } = kept as Partial<Settings>
  const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise)
  return {
    model: models.find((name) => name === model) ?? defaults.model,
    backend: pageBackends.find((id) => id === backend) ?? defaults.backend,
    threads: typeof threads === 'number' ? threads : 'auto',
    seed: number(seed, defaults.seed),
    epochs: number(epochs, defaults.epochs),
    batchSize: number(batchSize, defaults.batchSize),
    optimizer: optimizer === 'adam' ? 'adam' : 'sgd',
    learningRate: number(learningRate, defaults.learningRate),
  }
}

/** The data set of the last visit; undefined at the first one, when nothing has been fetched. */
export const rememberedData = (): DataChoice | undefined =>
  dataChoices.find((choice) => choice === read('digitlab-data'))
