import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { UsageError } from '../usage-error'
import { pictureHeader, unreadFormat, type PictureHeader } from './format'
import { upright, type Pixels } from './orientation'
import { photonImage } from './photon'

/** A picture of more pixels, or a longer side, is not a digit: the largest cameras of telephones have 24.5 million by default. */
const mostPixels = 25_000_000
const longestSide = 2 ** 14
const mostBytes = 2 ** 26

/** Formats that are read, for a help text. */
export const readableFormats = 'PNG, JPEG, WebP, GIF or BMP'

/**
 * Reads a picture file.
 *
 * @throws UsageError if it can't be read, is not a picture, is damaged or too large
 */
export const readPicture = async (path: string): Promise<Pixels> => decodePicture(await bytesOf(path), path)

/**
 * The pixels of a picture, of an animation those of the first frame, turned as its Exif data says.
 *
 * @param name the file's, for error messages
 * @throws UsageError if it is not a picture, is damaged or too large
 */
export const decodePicture = async (bytes: Uint8Array, name: string): Promise<Pixels> => {
  const header = pictureHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if (!header) {
    const other = unreadFormat(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    throw new UsageError(
      other
        ? `${name} is a ${other} file, which is not read: save it as ${readableFormats}`
        : `${name} is not a picture in a supported format: give a ${readableFormats} file`,
    )
  }
  for (const [width, height] of header.sizes)
    if (width < 1 || height < 1 || Math.max(width, height) > longestSide || width * height > mostPixels)
      throw new UsageError(
        `${name} is a picture of ${width} x ${height}, expected sides from 1 to ${longestSide} and at most ${mostPixels} pixels: give a smaller one`,
      )
  return upright(await unpacked(header, name), header.orientation)
}

/** The file's bytes. A pipe that nobody writes to is never waited for. */
const bytesOf = async (path: string): Promise<Uint8Array> => {
  const unread = (reason: string, cause?: unknown) =>
    new UsageError(`could not read ${path} (${reason}): give a ${readableFormats} file`, { cause })
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause: Error) => {
    throw unread(cause.message, cause)
  })
  try {
    const info = await file.stat()
    if (info.isDirectory()) throw unread('it is a folder')
    if (!info.isFile()) throw unread('it is not a regular file')
    if (info.size > mostBytes) throw unread(`it has ${info.size} bytes, more than ${mostBytes}`)
    return await file.readFile()
  } catch (cause) {
    throw cause instanceof UsageError ? cause : unread((cause as Error).message, cause)
  } finally {
    await file.close()
  }
}

const unpacked = async ({ format, bytes }: PictureHeader, name: string): Promise<Pixels> => {
  const PhotonImage = await photonImage()
  let image: InstanceType<typeof PhotonImage> | undefined
  try {
    image = PhotonImage.new_from_byteslice(bytes)
    return { rgba: image.get_raw_pixels(), width: image.get_width(), height: image.get_height() }
  } catch (cause) {
    // a trap in WebAssembly, which gives no reason
    throw new UsageError(`${name} is a damaged ${format} file: get or write it again`, { cause })
  } finally {
    image?.free()
  }
}
