import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A run of PyTorch, in the format that the README of `@digitlab/train` documents. */
export interface GoldenRun {
  readonly model: 'linear' | 'two-layer' | 'cnn'
  readonly seed: number
  readonly batchSize: number
  readonly learningRate: number
  readonly epochs: number
  readonly initialState: Record<string, { readonly shape: number[]; readonly sha256: string }>
  readonly predictionsBefore: number[]
  readonly predictionsAfter: number[]
  readonly firstIndices: number[][]
  readonly indicesSha256: string[]
  readonly first200Losses: number[]
  readonly epochMeanLoss: number[]
  readonly epochLastLoss: number[]
  readonly testAccuracy: number[]
  readonly perClassAccuracy: number[]
  readonly firstTestLogitsAfter: number[]
}

const shared = fileURLToPath(new URL('../../../shared', import.meta.url))
const folder = process.env['DIGITLAB_GOLDEN'] ?? join(shared, 'golden')

/** Every reference trace at hand: those in the folder DIGITLAB_GOLDEN. One entry without a run where there are none. */
export const goldenRuns = (): { file: string; golden: GoldenRun | undefined }[] => {
  if (!existsSync(folder)) return [{ file: 'no reference traces', golden: undefined }]
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return files.map((file) => ({ file, golden: JSON.parse(readFileSync(join(folder, file), 'utf8')) as GoldenRun }))
}

/** The folder with MNIST's four files, or undefined: DIGITLAB_DATA, or beside the repository. */
export const mnistFolder = (): string | undefined =>
  [process.env['DIGITLAB_DATA'], join(shared, 'mnist')].find(
    (path) => path !== undefined && existsSync(join(path, 'train-images-idx3-ubyte.gz')),
  )
