// Batch sizes: how fast, and with how much memory, each trains; beside PyTorch.
import { measure, type Measured } from './measure'
import { sidesFor, type SidesContext } from './sides'

const batchSizes = [1, 16, 64, 256, 1024, 4096] as const

/** What each batch size was measured with. */
export interface BatchFigures {
  readonly model: string
  readonly batchSize: number
  readonly sides: readonly Measured[]
}

/** Steps of a turn, so that it takes about as long with any batch size: some thousands of images, and at least twenty steps. */
const stepsOf = (batchSize: number): number => Math.min(600, Math.max(12, Math.round(12_288 / batchSize)))

/** Measures the models with each batch size: digitlab's wasm on one thread and on all, and PyTorch with its data resident. */
export const measureBatches = async (
  models: readonly string[],
  context: Omit<SidesContext, 'batchSize' | 'tfjs'>,
  { rounds, trusted, say }: Parameters<typeof measure>[2],
): Promise<BatchFigures[]> => {
  const figures: BatchFigures[] = []
  for (const model of models)
    for (const batchSize of batchSizes) {
      say(`${model}, batches of ${batchSize}`)
      const all = sidesFor(model, { ...context, batchSize, tfjs: undefined, steps: stepsOf(batchSize) })
      const sides = all.filter(({ id }) => id.startsWith('wasm') || id === 'torch-resident')
      figures.push({ model, batchSize, sides: await measure(model, sides, { rounds, trusted, say }) })
    }
  return figures
}
