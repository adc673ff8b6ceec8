// What several files of tests need and the first of them makes: once a run of the tests, and gone when it ends.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { offerChromium } from '../chromium/offer'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where what is shared lies. */
    readonly sharedFolder: string
  }
}

/** Before all tests; answers what is to be done after them. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'digitlab-tests-')))
  project.provide('sharedFolder', folder)
  const offered = await offerChromium()
  project.provide('chromiumUrl', offered.url)
  return async () => {
    await offered.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
