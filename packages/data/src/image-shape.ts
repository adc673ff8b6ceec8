/** The size of a data set's images: grey, or with three channels, which are red, green and blue. */
export type ImageShape = readonly [height: number, width: number, channels?: 3]

/** How many bytes an image has. */
export const bytesOfImage = (imageShape: ImageShape): number => imageShape[0] * imageShape[1] * channelsOf(imageShape)

/** Values of a pixel. */
export const channelsOf = ([, , channels]: ImageShape): 1 | 3 => channels ?? 1

/** The shape of an image as models name their input: with a channel for grey images, too. */
export const inputShape = (imageShape: ImageShape): [height: number, width: number, channels: number] => [
  imageShape[0],
  imageShape[1],
  channelsOf(imageShape),
]

/** As before, of another height and width. */
export const resizedShape = ([, , channels]: ImageShape, height: number, width: number): ImageShape =>
  channels ? [height, width, channels] : [height, width]
