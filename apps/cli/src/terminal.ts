// What a terminal shows of pictures, and a PNG file beside it.
import { writeNewFiles } from './new-files'
import { UsageError } from './usage-error'

/** How wide the terminal is, and what colours it has. */
export const terminal = () => ({
  colour: coloured() ? ('truecolor' as const) : ('none' as const),
  terminalWidth: process.stdout.columns ?? 80,
})

/** Colour in a terminal that has it, unless NO_COLOR asks for none (no-color.org). */
export const coloured = (): boolean =>
  process.stdout.isTTY && !process.env['NO_COLOR'] && process.stdout.hasColors(2 ** 24)

/** Writes a picture to a file that is not there yet. */
export const writePng = async (path: string, png: Uint8Array): Promise<void> => {
  if (!path.endsWith('.png')) throw new UsageError(`--out takes a file that ends in .png, not ${path}`)
  await writeNewFiles(new Map([[path, png]]))
}
