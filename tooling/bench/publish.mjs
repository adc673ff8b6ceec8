// The figures of the README are a bench's output: nobody types them.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asPart, formatted, markedPart, writeMarkedPart } from '../packages/marked-part'
import { summaryTable, toMarkdown } from './tables.mjs'

const marks = ['bench', 'npm run bench -- --publish']

/** The part of a README that a bench writes. @throws Error where a mark is missing */
export const publishedPart = (readme) => markedPart(readme, ...marks)

/** What the README must say of a result. */
export const readmePart = (result, path) => asPart(summaryTable(result), path)

export const publish = async (result, root) => {
  const path = join(root, 'README.md')
  const results = join(root, 'tooling', 'bench', 'results')
  await mkdir(results, { recursive: true })
  await writeFile(join(results, 'bench.json'), await formatted(JSON.stringify(result), path, 'json'))
  await writeFile(join(results, 'bench.md'), await formatted(toMarkdown(result), path, 'markdown'))
  await writeMarkedPart(path, ...marks, summaryTable(result))
}
