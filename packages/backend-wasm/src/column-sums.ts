import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance } from './instance'

/** Sums by number, as `assembly/column-sums.ts` has them. */
const sums = { plain: 0, squares: 1, products: 2 } as const

/** Shards of the rows at most, and how many rows make one worth while. */
const [mostShards, leastRows] = [16, 64]

/** The sums of shards of rows, which every thread finds there. */
export interface Partials {
  readonly address: number
  readonly shards: number
}

/** A matrix [rows, columns], and of what its columns are summed. */
interface Summed {
  readonly x: TensorInfo
  readonly rows: number
  readonly columns: number
  readonly mean?: TensorInfo
  readonly dy?: TensorInfo
}

/** Sums over the rows of a matrix, by shards of them. The next call takes the same place. */
export const columnPartials = (
  { address, kernels, scratch, share }: Instance,
  what: keyof typeof sums,
  { x, rows, columns, mean, dy }: Summed,
): Partials => {
  const shards = Math.min(mostShards, Math.ceil(rows / leastRows))
  const partials = scratch(kernels.columnPartialsBytes(shards, columns))
  const given = [mean ? address(mean) : 0, dy ? address(dy) : 0] as const
  share('columnPartials', { items: shards }, sums[what], address(x), rows, columns, ...given, partials, shards)
  return { address: partials, shards }
}
