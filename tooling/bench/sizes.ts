// Data sets of more images: those of MNIST, repeated, and as many as make 4 GB of pixels, which are made as they are asked for.
import { fileURLToPath } from 'node:url'
import { startSide, warm, type Told } from './side'

/** What training on so many images takes. */
export interface SizeFigures {
  readonly model: string
  readonly images: number
  /** Whether the images are read as they are needed, and not held. */
  readonly streamed: boolean
  /** A round each. */
  readonly imagesPerSecond: readonly number[]
  readonly peakBytes: number
}

/** 60,000 are MNIST's own. 5,478,276 of 28 x 28 are 4 GiB of pixels, more than WebAssembly's memory. */
const imageCounts = [60_000, 600_000, Math.ceil(2 ** 32 / 784)] as const
const batchSize = 64
/** An epoch of MNIST's own: of more images, the first part of an epoch. */
const steps = 938

/** Trains on each number of images. */
export const measureSizes = async (
  models: readonly string[],
  { data, workers }: { readonly data: string; readonly workers: number },
  { rounds, say }: { readonly rounds: number; readonly say: (sentence: string) => void },
): Promise<SizeFigures[]> => {
  const figures: SizeFigures[] = []
  for (const model of models)
    for (const images of imageCounts) {
      say(`${model}, ${images.toLocaleString('en')} images`)
      const task = { model, data, batchSize, workers, backend: 'wasm', count: images, steps }
      const script = fileURLToPath(new URL('sides/ours.mjs', import.meta.url))
      const side = startSide<Told>(process.execPath, ['--expose-gc', script, JSON.stringify(task)])
      try {
        await side.turn()
        const told: Told[] = []
        for (let round = 0; round < rounds; round++) told.push(await side.turn(warm))
        const perSecond = told.map(({ secondsPerEpoch }) => images / secondsPerEpoch)
        const peakBytes = told.at(-1)?.peakBytes ?? NaN
        figures.push({ model, images, streamed: images * 784 >= 2 ** 30, imagesPerSecond: perSecond, peakBytes })
      } finally {
        await side.end()
      }
    }
  return figures
}
