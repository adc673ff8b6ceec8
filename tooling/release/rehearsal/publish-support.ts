// The table of where packages run is what a rehearsal found: nobody types it.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asPart, formatted, markedPart, writeMarkedPart } from '../../packages/marked-part'
import type { Rehearsal } from './parts'
import { supportTable } from './table'

/** Where the table stands. */
export const supportDocument = 'docs/where-it-runs.md'

const marks = ['support', 'npm run release:rehearse -- --publish'] as const

/** The part of the document that a rehearsal writes. @throws Error where a mark is missing */
export const supportPart = (text: string) => markedPart(text, ...marks)

/** What the document must say of a rehearsal. */
export const supportText = (rehearsal: Rehearsal): Promise<string> => asPart(supportTable(rehearsal))

export const publishSupport = async (rehearsal: Rehearsal, root: string): Promise<void> => {
  const path = join(root, supportDocument)
  const results = join(root, 'tooling', 'release', 'results')
  await mkdir(results, { recursive: true })
  // How long it took says something of that day's machine and network alone.
  const kept = {
    ...rehearsal,
    seconds: undefined,
    results: rehearsal.results.map((one) => ({ ...one, seconds: undefined })),
  }
  await writeFile(join(results, 'rehearsal.json'), await formatted(JSON.stringify(kept), 'json'))
  await writeMarkedPart(path, ...marks, supportTable(rehearsal))
}
