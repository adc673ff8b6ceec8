import type { ImageShape, Split } from '@digitlab/data'
import type { NormalizeOptions } from './experiment-options'
import { batchSource, streamedSource, type BatchSource } from '@digitlab/ops'

/** The images of a split where the backend can take batches of them: all of them resident, or, of a stream, a block at a time. */
export const sourceOf = (
  { images, labels, stream }: Pick<Split, 'images' | 'labels' | 'stream'>,
  imageShape: ImageShape,
  normalize?: NormalizeOptions,
): BatchSource =>
  stream
    ? streamedSource(stream, labels, imageShape, undefined, normalize)
    : batchSource(images, labels, imageShape, normalize)
