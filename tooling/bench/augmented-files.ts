// Training images as the epochs of a run see them, in files, so that another program trains on the same.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadDataset } from '@digitlab/data/node'
import { augmentedImages, type Experiment } from '@digitlab/train'
import { divide } from '../../packages/train/src/validation'

/** Where they are. */
export interface AugmentedFiles {
  /** With `<seed>-<epoch>.bin`: bytes, [count, height, width], of the images that are left for training, in their own order. */
  readonly folder: string
  remove(): Promise<void>
}

/**
 * @param data the folder of MNIST's files
 * @param images how many to train on
 * @param seeds of as many runs, from 0
 * @throws Error where images are mixed, whose labels are no part of the files
 */
export const writeAugmented = async (
  experiment: Experiment,
  { data, images, seeds }: { readonly data: string; readonly images: number; readonly seeds: number },
): Promise<AugmentedFiles> => {
  if (experiment.augment?.some(({ name }) => name === 'mixup')) throw new Error('mixed images are not written to files')
  const all = await loadDataset('mnist', { folder: data })
  const pixels = all.train.images.length / all.train.count
  const first = {
    count: images,
    images: all.train.images.subarray(0, images * pixels),
    labels: all.train.labels.subarray(0, images),
  }
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-augmented-'))
  for (let seed = 0; seed < seeds; seed++) {
    const seeded = { ...experiment, seed }
    const { data: left } = divide({ ...all, train: first }, seeded)
    const every = Int32Array.from({ length: left.train.count }, (_, i) => i)
    for (let epoch = 1; epoch <= experiment.epochs; epoch++) {
      const { images } = augmentedImages(seeded, left, every, epoch)
      await writeFile(join(folder, `${seed}-${epoch}.bin`), images)
    }
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
