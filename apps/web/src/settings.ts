// The form's values: what they are to begin with, and what of a kept form is one.
import { models, pageBackends, type Settings } from './protocol'

export const defaultSettings: Settings = {
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

/** The form as something kept it, an earlier version maybe: what is no value of its field becomes the default. */
export const settingsOf = (kept: unknown, processors: number): Settings => {
  if (typeof kept !== 'object' || kept === null) return defaultSettings
  const { model, backend, threads, seed, epochs, batchSize, optimizer, learningRate } = kept as Partial<Settings>
  const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise)
  const fits = typeof threads === 'number' && Number.isInteger(threads) && threads >= 1 && threads <= processors
  return {
    model: models.find((name) => name === model) ?? defaultSettings.model,
    backend: pageBackends.find((id) => id === backend) ?? defaultSettings.backend,
    threads: fits ? threads : 'auto',
    seed: number(seed, defaultSettings.seed),
    epochs: number(epochs, defaultSettings.epochs),
    batchSize: number(batchSize, defaultSettings.batchSize),
    optimizer: optimizer === 'adam' ? 'adam' : 'sgd',
    learningRate: number(learningRate, defaultSettings.learningRate),
  }
}
