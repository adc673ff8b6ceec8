// The figures of the README are a bench's output: nobody types them.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asPart, formatted, markedPart, writeMarkedPart } from '../packages/marked-part'
import { figureFiles } from './figures'
import { toMarkdown } from './markdown'
import { picture } from './parts'
import { summaryTable, type BenchResult } from './tables'

const marks = ['bench', 'npm run bench -- --publish'] as const
const ratios = 'How many times as fast as PyTorch, tfjs and jax-js each model trains'

/** The part of a README that a bench writes. @throws Error where a mark is missing */
export const publishedPart = (readme: string) => markedPart(readme, ...marks)

const summary = (result: BenchResult) =>
  `${summaryTable(result)}\n\n${picture('ratios', ratios, 'tooling/bench/results')}`

/** What the README must say of a result. */
export const readmePart = (result: BenchResult): Promise<string> => asPart(summary(result))

/** The result that lies in a folder; undefined where there is none. */
export const readResult = async (folder: string): Promise<BenchResult | undefined> => {
  const text = await readFile(join(folder, 'bench.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as BenchResult)
}

/** Writes a result, its Markdown and its figures into a folder. */
export const writeFiles = async (result: BenchResult, folder: string): Promise<void> => {
  const document = { format: 'digitlab-bench', version: 2, ...result }
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'bench.json'), await formatted(JSON.stringify(document), 'json'))
  await writeFile(join(folder, 'bench.md'), await formatted(toMarkdown(result), 'md'))
  for (const [name, svg] of Object.entries(figureFiles(result))) await writeFile(join(folder, name), svg)
}

export const publish = async (result: BenchResult, root: string): Promise<void> => {
  await writeFiles(result, join(root, 'tooling', 'bench', 'results'))
  await writeMarkedPart(join(root, 'README.md'), ...marks, summary(result))
}
