// How what a file holds is put into an error: short, on one line and without recursion, whatever the file holds.

/** Longer than any name or shape that a person needs to see whole. */
const longest = 80

const clipped = (text: string): string => (text.length > longest ? `${text.slice(0, longest - 3)}...` : text)

/** A name in quotes, its control characters escaped. */
export const quoted = (name: string): string => JSON.stringify(clipped(name))

/** A shape as it is written everywhere: [10, 784]. */
export const shownShape = (shape: readonly number[]): string => clipped(`[${shape.slice(0, longest).join(', ')}]`)

/** Any value of a JSON document; what lies inside a list is not opened, for JSON.stringify runs out of stack on a deep one. */
export const shownValue = (value: unknown): string =>
  clipped(Array.isArray(value) ? `[${value.slice(0, longest).map(flat).join(',')}]` : flat(value))

const flat = (value: unknown): string => {
  if (Array.isArray(value)) return '[...]'
  if (typeof value === 'object' && value !== null) return '{...}'
  return typeof value === 'string' ? quoted(value) : String(value)
}
