// @ts-check
// Parts of a Markdown file that a command writes, between two lines that say which: nobody types them.
import { readFile, writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'

/**
 * @param {string} name
 * @param {string} command what writes the part
 */
const marksOf = (name, command) =>
  /** @type {const} */ ([`<!-- ${name}: what follows is written by "${command}" -->`, `<!-- ${name} ends -->`])

/**
 * What stands between the marks, and what before and behind.
 *
 * @param {string} text
 * @param {string} name
 * @param {string} command
 * @throws Error where a mark is missing
 */
export const markedPart = (text, name, command) => {
  const marks = marksOf(name, command)
  const [from, to] = [text.indexOf(marks[0]), text.indexOf(marks[1])]
  if (from < 0 || to < from) throw new Error(`expected the lines "${marks.join('" and "')}"`)
  const start = from + marks[0].length
  return { before: text.slice(0, start), part: text.slice(start, to), after: text.slice(to) }
}

/**
 * Text as prettier leaves it in a file.
 *
 * @param {string} text
 * @param {string} path
 * @param {'markdown' | 'json'} parser
 */
export const formatted = async (text, path, parser) => format(text, { ...(await resolveConfig(path)), parser })

/**
 * Markdown as it stands between the marks.
 *
 * @param {string} markdown
 * @param {string} path
 */
export const asPart = async (markdown, path) => `\n\n${await formatted(markdown, path, 'markdown')}\n`

/**
 * Writes Markdown between the marks of a file.
 *
 * @param {string} path
 * @param {string} name
 * @param {string} command
 * @param {string} markdown
 */
export const writeMarkedPart = async (path, name, command, markdown) => {
  const { before, after } = markedPart(await readFile(path, 'utf8'), name, command)
  await writeFile(path, `${before}${await asPart(markdown, path)}${after}`)
}
