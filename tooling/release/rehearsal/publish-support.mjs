// The README's support table is what a rehearsal found: nobody types it.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { supportTable } from './table.mjs'

const marks = [
  '<!-- support: what follows is written by "npm run release:rehearse -- --publish" -->',
  '<!-- support ends -->',
]

/** The part of a README between the marks. @throws Error where a mark is missing */
export const supportPart = (readme) => {
  const [from, to] = marks.map((mark) => readme.indexOf(mark))
  if (from < 0 || to < from) throw new Error(`expected the lines "${marks.join('" and "')}" in README.md`)
  const start = from + marks[0].length
  return { before: readme.slice(0, start), part: readme.slice(start, to), after: readme.slice(to) }
}

/** What the README must say of a rehearsal. */
export const supportText = async (rehearsal, path) =>
  `\n\n${await format(supportTable(rehearsal), { ...(await resolveConfig(path)), parser: 'markdown' })}\n`

export const publishSupport = async (rehearsal, root) => {
  const path = join(root, 'README.md')
  const { before, after } = supportPart(await readFile(path, 'utf8'))
  const results = join(root, 'tooling', 'release', 'results')
  await mkdir(results, { recursive: true })
  // How long it took says something of that day's machine and network alone.
  const kept = {
    ...rehearsal,
    seconds: undefined,
    results: rehearsal.results.map((one) => ({ ...one, seconds: undefined })),
  }
  const json = await format(JSON.stringify(kept), { ...(await resolveConfig(path)), parser: 'json' })
  await writeFile(join(results, 'rehearsal.json'), json)
  await writeFile(path, `${before}${await supportText(rehearsal, path)}${after}`)
}
