// Parts of a Markdown file that a command writes, between two lines that say which: nobody types them.
import { readFile, writeFile } from 'node:fs/promises'

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

/** Text as prettier leaves it in a file. */
export const formatted = async (text: string, path: string, parser: 'markdown' | 'json'): Promise<string> => {
  const { format, resolveConfig } = await import('prettier') // here: whoever only reads parts does not wait for it
  return format(text, { ...(await resolveConfig(path)), parser })
}

/** Markdown as it stands between the marks. */
export const asPart = async (markdown: string, path: string): Promise<string> =>
  `\n\n${await formatted(markdown, path, 'markdown')}\n`

/** Writes Markdown between the marks of a file. */
export const writeMarkedPart = async (path: string, name: string, command: string, markdown: string): Promise<void> => {
  const { before, after } = markedPart(await readFile(path, 'utf8'), name, command)
  await writeFile(path, `${before}${await asPart(markdown, path)}${after}`)
}
