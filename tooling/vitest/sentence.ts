/** What breaks a line, moves a terminal's cursor or turns the order of characters round: of no use in a sentence. */
const controls = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

/** What keeps a text from being one line that a person reads to its end; undefined if nothing does. */
export const notOneLine = (text: string): string | undefined => {
  if (text.length >= 800) return `it has ${text.length} characters, expected less than 800: ${text.slice(0, 1500)}`
  return controls.test(text) ? `it has a control character: ${JSON.stringify(text)}` : undefined
}
