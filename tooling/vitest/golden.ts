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

/** Beside the repository, or a checkout of it, may lie what is too large for it. */
const beside = fileURLToPath(new URL('../../../shared', import.meta.url))
const traces = fileURLToPath(new URL('../reference/traces', import.meta.url))

/** Under REQUIRE_GOLDEN=1 what the reference traces need is there, or the test fails. */
const missing = (env: NodeJS.ProcessEnv, what: string): undefined => {
  if (env['REQUIRE_GOLDEN'] === '1') throw new Error(`REQUIRE_GOLDEN=1: ${what}`)
  return undefined
}

/** Every reference trace: the repository's, or those in the folder DIGITLAB_GOLDEN. One entry without a run where that has none. */
export const goldenRuns = (env = process.env): { file: string; golden: GoldenRun | undefined }[] => {
  const folder = env['DIGITLAB_GOLDEN'] ?? traces
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : []
  if (files.length === 0)
    return [{ file: 'no reference traces', golden: missing(env, `there are no reference traces in ${folder}`) }]
  return files.map((file) => ({ file, golden: JSON.parse(readFileSync(join(folder, file), 'utf8')) as GoldenRun }))
}

/** The folder with MNIST's four files, or undefined: DIGITLAB_DATA, or beside the repository. */
export const mnistFolder = (env = process.env): string | undefined =>
  [env['DIGITLAB_DATA'], join(beside, 'mnist')].find(
    (path) => path !== undefined && existsSync(join(path, 'train-images-idx3-ubyte.gz')),
  ) ?? missing(env, 'MNIST is not at hand, name the folder of its four files in DIGITLAB_DATA')

/** A run of PyTorch, in format 2 of a reference trace. */
export interface VocabularyRun {
  readonly experiment: { readonly model: unknown; readonly seed: number; readonly batchSize: number }
  readonly parameters: number
  readonly initialState: Record<string, { readonly shape: number[]; readonly sha256: string }>
  readonly losses: number[]
  readonly learningRates: number[]
  readonly evalAccuracyFirst2000: number
  readonly firstTestLogits: number[]
  readonly againstOneThread: { readonly losses: number; readonly first20: number; readonly logits: number }
  /** The losses of the same run in float64, where float32 decides otherwise. */
  readonly float64?: number[]
}

/** The traces of nets beyond the case study's, 100 steps each. */
export const vocabularyRuns = (): { file: string; trace: VocabularyRun }[] => {
  const folder = join(traces, 'vocabulary')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((file) => ({ file, trace: JSON.parse(readFileSync(join(folder, file), 'utf8')) as VocabularyRun }))
}
