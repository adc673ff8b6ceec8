import { readFile } from 'node:fs/promises'
import { PNG } from 'pngjs'
import { UsageError } from './usage-error'

/** A picture of more pixels is no digit: unpacked it would take more than 128 MiB. */
const mostPixels = 2 ** 25
const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/**
 * Reads a PNG file of any kind.
 *
 * @returns pixels [height, width, 4]
 * @throws UsageError where it can't be read, is no PNG, is damaged or too large
 */
export const readPng = async (path: string): Promise<{ rgba: Uint8Array; width: number; height: number }> => {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new UsageError(`could not read ${path} (${cause.message}): give a PNG file`, { cause })
  })
  if (bytes.length < 33 || signature.some((byte, i) => bytes[i] !== byte))
    throw new UsageError(`${path} is no PNG file: give a PNG file`)
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
  if (width < 1 || height < 1 || width * height > mostPixels)
    throw new UsageError(
      `${path} is a picture of ${width} x ${height}, expected from 1 to ${mostPixels} pixels: give a smaller one`,
    )
  try {
    const png = PNG.sync.read(bytes)
    return { rgba: png.data, width: png.width, height: png.height }
  } catch (cause) {
    throw new UsageError(`${path} is a damaged PNG file (${(cause as Error).message}): get or write it again`, {
      cause,
    })
  }
}
