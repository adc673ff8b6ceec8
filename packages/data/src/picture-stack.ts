// Pictures, each in a file or a cell of a table, put together into one array.
import type { ReadContext } from './array-formats'
import { DataError } from './data-error'
import { formed, hasColour, pixelsOf, type Pixels } from './picture-pixels'
import type { StoredArray } from './stored-array'

/** A picture that has not been read. */
export interface StoredPicture {
  readonly name: string
  readonly read: () => Promise<Uint8Array>
}

/**
 * An array of pictures, [count, height, width] or in colour [count, height, width, 3], each brought into the form that is asked for.
 * Its size is that of the first one.
 *
 * @throws DataError, when it is read, where a picture is damaged, or has another size and none was asked for
 */
export const stacked = async (
  name: string,
  pictures: readonly StoredPicture[],
  context: ReadContext,
): Promise<StoredArray> => {
  const [first] = pictures
  if (!first) throw new DataError(`expected at least one picture, found none (${name})`)
  const { onNotice = () => {}, channels = 1 } = context
  const read = async ({
    name,
    read,
  }: StoredPicture): Promise<{ readonly made: Pixels; readonly coloured: boolean }> => {
    const pixels = await pixelsOf(await read(), name, context.decodePicture)
    return { made: formed(pixels, context, name), coloured: channels === 1 && hasColour(pixels) }
  }
  const { width, height } = (await read(first)).made
  const pixels = width * height * channels
  return {
    name,
    type: 'uint8',
    formed: true,
    shape: channels === 1 ? [pictures.length, height, width] : [pictures.length, height, width, channels],
    async read() {
      const images = new Uint8Array(pictures.length * pixels)
      let [at, coloured] = [0, 0]
      for (const picture of pictures) {
        const { made, coloured: isColoured } = await read(picture)
        if (made.width !== width || made.height !== height)
          throw new DataError(
            `expected pictures of one size, ${first.name} is ${width} x ${height} and ${picture.name} ${made.width} x ${made.height}: say to what size they are to be brought (size=${width}x${height})`,
          )
        images.set(made.data, at)
        at += pixels
        if (isColoured) coloured++
      }
      if (coloured > 0)
        onNotice(
          `${coloured} of the ${pictures.length} pictures of ${name} have colours, which were made grey: ask for three channels to keep them`,
        )
      return images
    },
  }
}
