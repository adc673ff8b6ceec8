// jax-js as its own page of MNIST trains, and digitlab with the same nets and settings.
import { fileURLToPath } from 'node:url'
import type { ModelDefinition } from '@digitlab/models'
import type { ExperimentInput } from '@digitlab/train'
import { measure, type Measured } from './measure'
import { jaxVersion, type SideSpec } from './sides'

export interface JaxPageFigures {
  readonly model: string
  readonly batchSize: number
  readonly sides: readonly Measured[]
}

const dense = (name: string, out: number) => ({ type: 'dense', name, out }) as const
const [relu, flatten] = [{ type: 'relu' }, { type: 'flatten' }] as const
const block = (name: string, out: number, kernel: number) =>
  [{ type: 'conv2d', name, out, kernel }, relu, { type: 'maxPool2d', size: 2 }] as const

/** The page's two nets, the sizes of their batches, and how many steps a turn of each side takes where an epoch takes minutes. */
const nets = [
  {
    model: 'mlp',
    batchSize: 1000,
    layers: [flatten, dense('fc1', 256), relu, dense('fc2', 128), relu, dense('fc3', 10)],
    steps: { ours: 60, theirs: 20 },
  },
  {
    model: 'convnet',
    batchSize: 250,
    layers: [...block('conv1', 24, 5), ...block('conv2', 32, 3), flatten, dense('fc1', 128), relu, dense('fc2', 10)],
    steps: { ours: 24, theirs: 1 },
  },
] as const

export const measureJaxPage = async (
  { data, workers }: { readonly data: string; readonly workers: number },
  { rounds, say }: { readonly rounds: number; readonly say: (sentence: string) => void },
): Promise<JaxPageFigures[]> => {
  const figures: JaxPageFigures[] = []
  for (const { model, batchSize, layers, steps } of nets) {
    const definition: ModelDefinition = { name: model, input: [28, 28, 1], layers: [...layers] }
    const experiment: ExperimentInput = {
      ...{ model: definition, batchSize, epochs: 1000, optimizer: { name: 'adam', learningRate: 0.005 } },
    }
    const side = (id: string, title: string, file: string, more: object): SideSpec => {
      const task = JSON.stringify({ model, data, batchSize, experiment, ...more })
      const script = fileURLToPath(new URL(`sides/${file}`, import.meta.url))
      return { id, title, command: process.execPath, args: ['--expose-gc', script, task] }
    }
    const sides = [
      side('wasm', 'digitlab wasm', 'ours.mjs', { backend: 'wasm', workers, steps: steps.ours }),
      side('jax-js', `jax-js ${jaxVersion} wasm`, 'jax-page.mjs', { steps: steps.theirs }),
    ]
    figures.push({ model, batchSize, sides: await measure(`jax-${model}`, sides, { rounds, trusted: ['wasm'], say }) })
  }
  return figures
}
