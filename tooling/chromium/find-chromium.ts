// Where a Chromium is on this machine.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const elsewhere = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** The program to start: the one that DIGITLAB_CHROMIUM names, else one on the path or in its usual place, else one of those given. */
export const findChromium = (others: readonly string[] = []): string | undefined => {
  const named = process.env['DIGITLAB_CHROMIUM']
  if (named) return existsSync(named) ? named : undefined
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)]
  const installed = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  return [...installed, ...elsewhere, ...others].find((path) => existsSync(path))
}
