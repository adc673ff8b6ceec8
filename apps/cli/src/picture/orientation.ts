// How a camera was held. Source: CIPA DC-008, Exif 2.32, tag 0x0112.

const orientationTag = 0x0112

/**
 * The orientation that Exif data names, 1 to 8; 1 where it names none.
 *
 * @param exif a TIFF header and its directories, with "Exif\0\0" before it or without
 */
export const exifOrientation = (exif: Buffer): number => {
  const tiff = exif.subarray(0, 6).toString('latin1') === 'Exif\0\0' ? exif.subarray(6) : exif
  const order = tiff.subarray(0, 2).toString('latin1')
  if (tiff.length < 14 || (order !== 'II' && order !== 'MM')) return 1
  const u16 = (at: number) => (order === 'II' ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const u32 = (at: number) => (order === 'II' ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  const directory = u32(4)
  if (directory + 2 > tiff.length) return 1
  const entries = Math.min(u16(directory), Math.floor((tiff.length - directory - 2) / 12))
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + 12 * i
    if (u16(at) !== orientationTag) continue
    const value = u16(at + 8)
    return value >= 1 && value <= 8 ? value : 1
  }
  return 1
}

export interface Pixels {
  /** [height, width, 4] */
  readonly rgba: Uint8Array
  readonly width: number
  readonly height: number
}

/** Turns a picture upright: 2 is mirrored, 3 upside down, 4 both; 5 to 8 lie on their side. */
export const upright = ({ rgba, width, height }: Pixels, orientation: number): Pixels => {
  if (orientation === 1) return { rgba, width, height }
  const turned = orientation >= 5
  const [columns, rows] = turned ? [height, width] : [width, height]
  const mirrored = [2, 3, 7, 8].includes(orientation)
  const flipped = [3, 4, 6, 7].includes(orientation)
  const from = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height)
  const to = new Uint32Array(width * height)
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      // where the pixel of the upright picture lies in the one that is stored
      const [across, down] = turned ? [y, x] : [x, y]
      const column = mirrored ? width - 1 - across : across
      const row = flipped ? height - 1 - down : down
      to[y * columns + x] = from[row * width + column] ?? 0
    }
  return { rgba: new Uint8Array(to.buffer), width: columns, height: rows }
}
