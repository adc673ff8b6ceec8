// How what a file holds is put into a sentence: on one line, in a length that is read, and without recursion, whatever the file holds.
// `sentence` is as in idx, which would have to make it public to share it.

/** Longer than any sentence here about files whose names are of a usual length. */
const longest = 700

/** Kept of the end, which says what to do. */
const end = 250

/** What breaks a line, moves a terminal's cursor, turns the order of characters round, or is half a character. */
const controls = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

const escaped = (text: string): string =>
  text.replace(controls, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** A sentence with its control characters escaped; of one that is too long the middle is left out. */
export const sentence = (text: string): string => {
  const line = escaped(text.length > 2 * longest ? text.slice(0, longest) + text.slice(-longest) : text)
  return line.length > longest ? escaped(`${line.slice(0, longest - end - 3)} … ${line.slice(-end)}`) : line
}

/** Longer than any name that a person needs to see whole. */
const longestName = 80

/** A name that a file gives to one of its parts. */
export const shownName = (name: string): string =>
  name.length > longestName ? `${name.slice(0, longestName - 3)}...` : name

/** More sizes than an array has whose sizes anybody reads. */
const mostShown = 8

/** A shape: [60000, 28, 28]. */
export const shownShape = (shape: readonly number[]): string => {
  const more = shape.length - mostShown
  return `[${shape.slice(0, mostShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}]`
}

/** Any value of a JSON document; what lies inside a list is not opened, for JSON.stringify runs out of stack on a deep one. */
export const shownValue = (value: unknown): string => {
  if (!Array.isArray(value)) return flat(value)
  const more = value.length - mostShown
  return `[${value.slice(0, mostShown).map(flat).join(',')}${more > 0 ? ` and ${more} more` : ''}]`
}

const flat = (value: unknown): string => {
  if (Array.isArray(value)) return '[...]'
  if (typeof value === 'object' && value !== null) return '{...}'
  return typeof value === 'string' ? JSON.stringify(shownName(value)) : String(value)
}
