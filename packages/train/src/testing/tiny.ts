// A data set and a backend as small as tests need.
import { activate, type Backend } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import '@tensorflow/tfjs-backend-cpu'
import { env } from '@tensorflow/tfjs-core'
import { completeExperiment, type ExperimentInput } from '../complete-experiment'

env().set('IS_TEST', true) // tfjs tells a test nothing about faster backends

/** tfjs's own cpu backend, without any kernel of ours: slow, and all that these tests need. */
export const stock = (asynchronous = false, more: Partial<Backend> = {}): Backend => ({
  id: 'cpu',
  asynchronous,
  probe: async () => ({ usable: true, device: 'stock' }),
  start: async () => {
    await activate('cpu')
    return { id: 'cpu', device: 'stock', threads: 1, versions: {} }
  },
  ...more,
})

/** Tiny images of three classes that a model can learn: each class lights its own row. */
export const tiny = (trainCount: number, testCount: number): Dataset => {
  const split = (count: number, salt: number) => {
    const labels = Uint8Array.from({ length: count }, (_, i) => (i * 7 + salt) % 3)
    const images = new Uint8Array(count * 16)
    labels.forEach((label, i) => {
      for (let p = 0; p < 16; p++) images[i * 16 + p] = (i * 31 + p * 17 + salt) % 60
      for (let p = 0; p < 4; p++) images[i * 16 + label * 4 + p] = 200 + ((i + p) % 50)
    })
    return { images, labels, count }
  }
  return {
    name: 'tiny',
    title: 'Tiny',
    origin: 'this test',
    imageShape: [4, 4],
    classes: 3,
    classNames: ['a', 'b', 'c'],
    train: split(trainCount, 0),
    test: split(testCount, 1),
    files: [],
  }
}

/** On {@link tiny}, two epochs in batches of 8. */
export const tinyExperiment = (more: Partial<ExperimentInput> = {}) =>
  completeExperiment({ model: 'two-layer', dataset: 'tiny', epochs: 2, batchSize: 8, ...more })
