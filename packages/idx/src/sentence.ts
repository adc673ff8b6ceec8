// What an error says, in one line that is read to its end: names and sizes come from files that may hold anything.

/** Longer than any sentence here about a file whose path is of a usual length. */
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
