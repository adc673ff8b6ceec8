// Files that name classes: EMNIST's emnist-balanced-mapping.txt (label, code of a letter in upper case, in lower case), Kuzushiji's
// k49_classmap.csv (index, code point, letter), a name a line, JSON.
import { DataError } from './data-error'

/** Whether a file's name says that it names classes. */
export const isMappingName = (name: string): boolean =>
  /(mapping|classmap|class[-_]?names|classes|labels)\.(txt|csv|json|tsv)$/i.test(name)

/**
 * The names of classes by their labels.
 *
 * @throws DataError with the line that cannot be read
 */
export const parseClassNames = (text: string, name: string): ReadonlyMap<number, string> => {
  const trimmed = text.replace(/^\uFEFF/, '').trim()
  if (/^[[{]/.test(trimmed)) return fromJson(trimmed, name)
  const lines = trimmed.split(/\r?\n/).filter((line) => line.trim() !== '')
  const rows = lines.map((line) => line.split(/[,;\t]|\s+/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')))
  const isTable =
    rows.filter((row) => row.length > 1 && /^\d+$/.test(row[0] ?? '')).length >= Math.max(1, rows.length - 1)
  const names = new Map<number, string>()
  rows.forEach((row, i) => {
    if (!isTable) {
      names.set(i, (lines[i] ?? '').trim())
      return
    }
    const [label = '', ...rest] = row
    if (!/^\d+$/.test(label)) {
      if (i === 0) return // a header
      throw new DataError(
        `expected a label and a name, found "${(lines[i] ?? '').slice(0, 60)}" in line ${i + 1} (${name})`,
      )
    }
    names.set(Number(label), nameOf(rest))
  })
  return checked(names, name)
}

/** A name, or what a code point stands for. */
const nameOf = (cells: readonly string[]): string => {
  const [first = '', last = first] = [cells[0], cells.at(-1)]
  const code = /^U\+([0-9a-f]{4,6})$/i.exec(first)?.[1]
  if (cells.length > 1 && code !== undefined && !/^\d+$/.test(last)) return last
  const point = code !== undefined ? parseInt(code, 16) : /^\d{2,6}$/.test(first) ? Number(first) : undefined
  return point !== undefined && point >= 32 && point <= 0x10ffff ? String.fromCodePoint(point) : first
}

const fromJson = (text: string, name: string): ReadonlyMap<number, string> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new DataError(`${name} is no JSON (${(cause as Error).message.slice(0, 80)}): write a list of names`, {
      cause,
    })
  }
  const entries = Object.entries(value as object)
  // {"cat": 0, "dog": 1} as well as {"0": "cat"} and ["cat", "dog"]
  const turned = entries.length > 0 && entries.every(([, label]) => Number.isInteger(label))
  return checked(new Map(entries.map(([key, one]) => (turned ? [Number(one), key] : [Number(key), String(one)]))), name)
}

const checked = (names: ReadonlyMap<number, string>, file: string): ReadonlyMap<number, string> => {
  const labels = [...names.keys()]
  if (
    names.size < 2 ||
    names.size > 256 ||
    !labels.every((label) => Number.isInteger(label) && label >= 0 && label <= 256)
  )
    throw new DataError(`expected the names of 2 to 256 classes, found ${names.size} (${file}): give a name a line`)
  return names
}
