// The README's support table is what a rehearsal found: nobody types it.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asPart, formatted, markedPart, writeMarkedPart } from '../../packages/marked-part'
import type { Rehearsal } from './parts'
import { supportTable } from './table'

const marks = ['support', 'npm run release:rehearse -- --publish'] as const

/** The part of a README that a rehearsal writes. @throws Error where a mark is missing */
export const supportPart = (readme: string) => markedPart(readme, ...marks)

/** What the README must say of a rehearsal. */
export const supportText = (rehearsal: Rehearsal, path: string): Promise<string> =>
  asPart(supportTable(rehearsal), path)

export const publishSupport = async (rehearsal: Rehearsal, root: string): Promise<void> => {
  const path = join(root, 'README.md')
  const results = join(root, 'tooling', 'release', 'results')
  await mkdir(results, { recursive: true })
  // How long it took says something of that day's machine and network alone.
  const kept = {
    ...rehearsal,
    seconds: undefined,
    results: rehearsal.results.map((one) => ({ ...one, seconds: undefined })),
  }
  await writeFile(join(results, 'rehearsal.json'), await formatted(JSON.stringify(kept), path, 'json'))
  await writeMarkedPart(path, ...marks, supportTable(rehearsal))
}
