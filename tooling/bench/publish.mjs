// The figures of the README are a bench's output: nobody types them.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { summaryTable, toMarkdown } from './tables.mjs'

const marks = ['<!-- bench: what follows is written by "npm run bench -- --publish" -->', '<!-- bench ends -->']

/** The part of a README between the marks. @throws Error where a mark is missing */
export const publishedPart = (readme) => {
  const [from, to] = marks.map((mark) => readme.indexOf(mark))
  if (from < 0 || to < from) throw new Error(`expected the lines "${marks.join('" and "')}" in README.md`)
  return {
    before: readme.slice(0, from + marks[0].length),
    part: readme.slice(from + marks[0].length, to),
    after: readme.slice(to),
  }
}

const formatted = async (markdown, path) => format(markdown, { ...(await resolveConfig(path)), parser: 'markdown' })

/** What the README must say of a result. */
export const readmePart = async (result, path) => `\n\n${await formatted(summaryTable(result), path)}\n`

export const publish = async (result, root) => {
  const path = join(root, 'README.md')
  const { before, after } = publishedPart(await readFile(path, 'utf8'))
  const results = join(root, 'tooling', 'bench', 'results')
  await mkdir(results, { recursive: true })
  await writeFile(
    join(results, 'bench.json'),
    await format(JSON.stringify(result), { ...(await resolveConfig(path)), parser: 'json' }),
  )
  await writeFile(join(results, 'bench.md'), await formatted(toMarkdown(result), path))
  await writeFile(path, `${before}${await readmePart(result, path)}${after}`)
}
