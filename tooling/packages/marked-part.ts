// Parts of a Markdown file that a command writes, between two lines that say which: nobody types them.
import { readFile, writeFile } from 'node:fs/promises'
import type { FormatConfig } from 'oxfmt'

/** The two lines: what the part is called, and what writes it. */
const marksOf = (name: string, command: string) =>
  [`<!-- ${name}: what follows is written by "${command}" -->`, `<!-- ${name} ends -->`] as const

/** What stands between the marks, and what before and behind. @throws Error where a mark is missing */
export const markedPart = (text: string, name: string, command: string) => {
  const marks = marksOf(name, command)
  const [from, to] = [text.indexOf(marks[0]), text.indexOf(marks[1])]
  if (from < 0 || to < from) throw new Error(`expected the lines "${marks.join('" and "')}"`)
  const start = from + marks[0].length
  return { before: text.slice(0, start), part: text.slice(start, to), after: text.slice(to) }
}

/** A file without a part and its marks. */
export const withoutPart = (text: string, name: string): string =>
  text.replace(new RegExp(`<!-- ${name}: [^]*?<!-- ${name} ends -->\\n*`), '')

const style = new URL('../../.oxfmtrc.json', import.meta.url)

/** Text as `npm run format` leaves it in a file. @throws Error if it is not in that language */
export const formatted = async (text: string, language: 'md' | 'json'): Promise<string> => {
  const { format } = await import('oxfmt') // here: whoever only reads parts does not wait for it
  const options = JSON.parse(await readFile(style, 'utf8')) as FormatConfig
  const { code, errors } = await format(`text.${language}`, text, options)
  if (errors[0]) throw new Error(`cannot format a text as ${language}: ${errors[0].message}`)
  return code
}

/** Markdown as it stands between the marks. */
export const asPart = async (markdown: string): Promise<string> => `\n\n${await formatted(markdown, 'md')}\n`

/** Writes Markdown between the marks of a file. */
export const writeMarkedPart = async (path: string, name: string, command: string, markdown: string): Promise<void> => {
  const { before, after } = markedPart(await readFile(path, 'utf8'), name, command)
  await writeFile(path, `${before}${await asPart(markdown)}${after}`)
}
