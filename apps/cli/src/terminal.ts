// What a terminal shows of pictures, and a PNG file beside it.
import { coloured } from './colour'
import { writeNewFiles } from './new-files'
import { UsageError } from './usage-error'

/** How wide the terminal is, and what colours it has. */
export const terminal = () => ({
  colour: paintsPictures() ? ('truecolor' as const) : ('none' as const),
  terminalWidth: process.stdout.columns ?? 80,
})

/** Whether standard output is shown in all colours. */
export const paintsPictures = (): boolean => coloured(process.stdout, 24)

/** @throws UsageError where a picture cannot be written to a file: before what it shows is loaded */
export const checkPng = (path: string | undefined): void => {
  if (path?.endsWith('.png') === false) throw new UsageError(`--out takes a file that ends in .png, not ${path}`)
}

/** Writes a picture to a file that is not there yet. */
export const writePng = (path: string, png: Uint8Array): Promise<void> => writeNewFiles(new Map([[path, png]]))
