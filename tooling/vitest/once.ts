// What several files of tests need and the first of them makes: once a run of the tests, in a folder that goes when it ends.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where what is shared lies. */
    readonly sharedFolder: string
  }
}

/** Before all tests; answers what is to be done after them. */
export const setup = (project: TestProject): (() => void) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'digitlab-tests-')))
  project.provide('sharedFolder', folder)
  return () => rmSync(folder, { recursive: true, force: true })
}
