import type { Split } from '@digitlab/data'
import { batchSource, streamedSource, type BatchSource } from '@digitlab/ops'

/** The images of a split where the backend can take batches of them: all of them resident, or, of a stream, a block at a time. */
export const sourceOf = (
  { images, labels, stream }: Pick<Split, 'images' | 'labels' | 'stream'>,
  imageShape: readonly [height: number, width: number],
): BatchSource => (stream ? streamedSource(stream, labels, imageShape) : batchSource(images, labels, imageShape))
