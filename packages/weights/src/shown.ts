// How what a file holds is put into an error: short, on one line and without recursion, whatever the file holds.
import { shownValue } from '@digitlab/models'

export { shownValue }

/** A name in quotes, its control characters escaped. */
export const quoted = (name: string): string => shownValue(name)

/** More sizes than an array has whose sizes anybody reads. */
const mostShown = 8

/** A shape as it is written everywhere: [10, 784]. */
export const shownShape = (shape: readonly (number | string)[]): string => {
  const more = shape.length - mostShown
  return `[${shape.slice(0, mostShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}]`
}
