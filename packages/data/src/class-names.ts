// Files that name classes: EMNIST's emnist-balanced-mapping.txt (label, code of a letter in upper case, in lower case), Kuzushiji's
// k49_classmap.csv (index, code point, letter), a name a line, JSON.
import { DataError } from './data-error'
import { shownValue } from './shown'

/** Whether a file's name says that it names classes. */
export const isMappingName = (name: string): boolean =>
  /(mapping|classmap|class[-_]?names|classes|labels)\.(txt|csv|json|tsv)$/i.test(name)

/**
 * The names of classes by their labels.
 *
 * @throws DataError with the line that cannot be read; where the file is not UTF-8, or gives two labels one name or one label two
 */
export const parseClassNames = (bytes: Uint8Array, name: string): ReadonlyMap<number, string> => {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new DataError(
      `expected the names of classes as text in UTF-8, found other bytes (${name}): save it as UTF-8`,
      {
        cause,
      },
    )
  }
  const trimmed = text.replace(/^\uFEFF/, '').trim()
  if (/^[[{]/.test(trimmed)) return fromJson(trimmed, name)
  const lines = trimmed.split(/\r?\n/).filter((line) => line.trim() !== '')
  const rows = lines.map((line) => line.split(/[,;\t]|\s+/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')))
  const isTable =
    rows.filter((row) => row.length > 1 && /^\d+$/.test(row[0] ?? '')).length >= Math.max(1, rows.length - 1)
  const names: [number, string][] = []
  rows.forEach((row, i) => {
    if (!isTable) {
      names.push([i, (lines[i] ?? '').trim()])
      return
    }
    const [label = '', ...rest] = row
    if (!/^\d+$/.test(label)) {
      if (i === 0) return // a header
      throw new DataError(
        `expected a label and a name, found "${(lines[i] ?? '').slice(0, 60)}" in line ${i + 1} (${name})`,
      )
    }
    names.push([Number(label), nameOf(rest)])
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
    throw new DataError(`${name} is not JSON (${(cause as Error).message.slice(0, 80)}): write a list of names`, {
      cause,
    })
  }
  const entries = Object.entries(value as object)
  // {"cat": 0, "dog": 1} as well as {"0": "cat"} and ["cat", "dog"]
  const turned = entries.length > 0 && entries.every(([, label]) => Number.isInteger(label))
  return checked(
    entries.map(([key, one]: [string, unknown]) => {
      if (typeof one === 'object')
        throw new DataError(`expected a name, found ${shownValue(one)} (${name}): write a list of names`)
      return turned ? [Number(one), key] : [Number(key), typeof one === 'string' ? one : shownValue(one)]
    }),
    name,
  )
}

const checked = (found: readonly (readonly [number, string])[], file: string): ReadonlyMap<number, string> => {
  const names = new Map<number, string>()
  const labels = new Map<string, number>()
  for (const [label, name] of found) {
    const [before, same] = [names.get(label), labels.get(name)]
    if (before !== undefined)
      throw new DataError(
        `expected one name for each label, found ${shown(before)} and ${shown(name)} for ${label} (${file}): give each class a label of its own`,
      )
    if (same !== undefined)
      throw new DataError(
        `expected a name for each class alone, found ${shown(name)} for ${same} and for ${label} (${file}): give each class a name of its own`,
      )
    names.set(label, name)
    labels.set(name, label)
  }
  const wrong = [...names.keys()].find((label) => !Number.isInteger(label) || label < 0 || label > 256)
  if (wrong !== undefined)
    throw new DataError(
      `expected labels from 0 to 256, found ${wrong} for ${shown(names.get(wrong) ?? '')} (${file}): give a label and a name per line`,
    )
  if (names.size < 2 || names.size > 256)
    throw new DataError(`expected the names of 2 to 256 classes, found ${names.size} (${file}): give one name per line`)
  return names
}

/** A name as a message has it. */
const shown = (name: string): string => `"${name.slice(0, 40)}"`
