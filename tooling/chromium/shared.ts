// The Chromium that the files of tests share (offer.ts).
import { chromium, type Browser } from 'playwright-core'
import { inject } from 'vitest'
import type { LaunchOptions } from './chromium'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where tests ask for a Chromium: it answers the address of its socket. */
    readonly chromiumUrl: string
  }
}

/**
 * Connects to it. Each file opens contexts of its own; closing what this answers closes those and nothing else.
 *
 * @throws Error where there is none, with what to do
 */
export const sharedChromium = async ({ gpu = true }: Pick<LaunchOptions, 'gpu'> = {}): Promise<Browser> => {
  const response = await fetch(`${inject('chromiumUrl')}/${gpu ? 'gpu' : 'plain'}`)
  const said = await response.text()
  if (!response.ok) throw new Error(said)
  return chromium.connect(said, { timeout: 100_000 })
}
