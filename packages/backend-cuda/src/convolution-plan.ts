// How the products of `cuda/convolution.cu` are divided over blocks. By the shapes alone and not by the GPU, so that sums are added in the
// same order everywhere.

/** A kernel's tile of a product, [rows, columns]. */
type Tile = readonly [rows: number, columns: number]

/** Tiles with what a product on them costs beside the largest: a thread that keeps less in registers reads more. */
const tiles: readonly (readonly [tile: Tile, cost: number])[] = [
  [[64, 64], 1],
  [[64, 32], 1.1],
  [[64, 16], 1.5],
]
/** Few outputs of many pixels. */
const slender: (typeof tiles)[number] = [[64, 8], 2]
/** Few taps: of filters on a single channel. */
const small: (typeof tiles)[number] = [[32, 32], 1.5]

/** Twice the threads' work of [64, 32]: for where there are so many rows that blocks are not what is missing. */
const tall: Tile = [128, 32]

/** As many blocks as large GPUs have room for at a time. */
const wantedBlocks = 528

/** Steps of a sum that a block takes at a time. */
const chunk = 16

/** Below this, adding up parts costs more than it saves. */
const leastChunks = 6

/** A matrix of rows x columns for each group, every element a sum of `steps` products. */
export interface Product {
  readonly rows: number
  readonly columns: number
  readonly steps: number
  readonly groups: number
}

/** A launch: its kernel's tile, its blocks, and the struct `Division`. */
export interface Plan {
  readonly tile: string
  readonly blocks: number
  readonly division: readonly [rowTiles: number, columnTiles: number, parts: number, chunks: number]
  readonly parts: number
}

const count = ({ rows, columns }: Product, [tall, wide]: Tile) => Math.ceil(rows / tall) * Math.ceil(columns / wide)

export const planProduct = (product: Product, kind: 'pixels' | 'taps'): Plan => {
  const { rows, columns, steps, groups } = product
  const cost = ([tile, each]: (typeof tiles)[number]) => count(product, tile) * tile[0] * tile[1] * each
  const choices = [...tiles, kind === 'pixels' ? slender : small]
  let [tile] = choices.reduce((best, one) => (cost(one) < cost(best) ? one : best))
  if (kind === 'pixels' && tile[1] === tall[1] && groups * count(product, tall) >= wantedBlocks / 2) tile = tall

  const inTiles = groups * count(product, tile)
  const chunks = Math.ceil(steps / chunk)
  const wanted = inTiles >= wantedBlocks / 2 ? 1 : Math.floor(wantedBlocks / Math.max(1, inTiles))
  const each = Math.ceil(chunks / Math.max(1, Math.min(wanted, Math.floor(chunks / leastChunks))))
  const parts = Math.max(1, Math.ceil(chunks / Math.max(1, each)))
  return {
    tile: tile.join('x'),
    blocks: inTiles * parts,
    division: [Math.ceil(rows / tile[0]), Math.ceil(columns / tile[1]), parts, each],
    parts,
  }
}
