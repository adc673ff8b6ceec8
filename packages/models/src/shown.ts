/** Longer than any name or number that a person needs to see whole. */
const longest = 80

const clipped = (text: string): string => (text.length > longest ? `${text.slice(0, longest - 3)}...` : text)

/**
 * A value of somebody's JSON as an error shows it: on one line, at most 80 characters, control characters escaped. What lies
 * inside a list or an object is not opened, for JSON.stringify runs out of stack on a deep one.
 */
export const shownValue = (value: unknown): string => {
  if (Array.isArray(value)) return clipped(`[${Array.from(value.slice(0, longest), flat).join(',')}]`)
  return clipped(isRecord(value) ? `{${Object.keys(value).slice(0, longest).map(quoted).join(',')}}` : flat(value))
}

/** An object of JSON, and neither null nor a list. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const flat = (value: unknown): string => {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : '[...]'
  if (isRecord(value)) return Object.keys(value).length === 0 ? '{}' : '{...}'
  if (typeof value === 'string') return quoted(value)
  return typeof value === 'function' ? 'a function' : String(value)
}

/** JSON.stringify leaves DEL, the controls of Latin-1 and marks of direction as they are. */
const quoted = (text: string): string => {
  const shown = escaped(JSON.stringify(text.slice(0, longest)))
  return text.length > longest || shown.length > longest ? `${shown.slice(0, longest - 4)}..."` : shown
}

/** What breaks a line, moves a terminal's cursor, turns the order of characters round, or is half a character. */
const controls = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

const escaped = (text: string): string =>
  text.replace(controls, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Longer than any sentence here about files whose names are of a usual length. */
const longestSentence = 700

/** Kept of the end, which says what to do. */
const end = 250

/**
 * An error's sentence on one line, whatever somebody's file put into it: its control characters are escaped, and of one that is
 * too long the middle is left out.
 */
export const shownSentence = (text: string): string => {
  const most = longestSentence
  const line = escaped(text.length > 2 * most ? text.slice(0, most) + text.slice(-most) : text)
  return line.length > most ? escaped(`${line.slice(0, most - end - 3)} … ${line.slice(-end)}`) : line
}
