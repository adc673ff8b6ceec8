// The figures of the README are a bench's output: nobody types them.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asPart, formatted, markedPart, writeMarkedPart } from '../packages/marked-part'
import { summaryTable, toMarkdown, type BenchResult } from './tables'

const marks = ['bench', 'npm run bench -- --publish'] as const

/** The part of a README that a bench writes. @throws Error where a mark is missing */
export const publishedPart = (readme: string) => markedPart(readme, ...marks)

/** What the README must say of a result. */
export const readmePart = (result: BenchResult, path: string): Promise<string> => asPart(summaryTable(result), path)

export const publish = async (result: BenchResult, root: string): Promise<void> => {
  const path = join(root, 'README.md')
  const results = join(root, 'tooling', 'bench', 'results')
  await mkdir(results, { recursive: true })
  await writeFile(join(results, 'bench.json'), await formatted(JSON.stringify(result), path, 'json'))
  await writeFile(join(results, 'bench.md'), await formatted(toMarkdown(result), path, 'markdown'))
  await writeMarkedPart(path, ...marks, summaryTable(result))
}
