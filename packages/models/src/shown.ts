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

/** JSON.stringify leaves DEL and the controls of Latin-1 as they are. */
const quoted = (text: string): string =>
  JSON.stringify(text.slice(0, longest)).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
