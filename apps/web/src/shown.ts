/** What a terminal or a line of text would obey rather than show: control characters, and what turns the direction of a text. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const commands = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g

/** A text from a file of somebody's, fit to stand in a sentence: without commands, and no longer than `most`. */
export const shown = (text: string, most = 120): string => {
  const clean = text.replace(commands, ' ')
  const letters = [...clean.slice(0, 2 * most)] // no half of a pair at the cut
  return letters.length > most || clean.length > 2 * most ? `${letters.slice(0, most - 1).join('')}…` : clean
}
