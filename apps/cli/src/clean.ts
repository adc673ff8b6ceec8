/** What steers a terminal, or turns the order in which text is shown: all control characters but tab and line feed, and marks of direction. */
const steering = /(?![\t\n])[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/**
 * Text that a terminal shows as it is, whatever file it came from: what would steer it stands there as `\u001b`. A JSON document
 * stays one, and means the same.
 */
export const clean = (text: string): string =>
  text.replace(steering, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** As much of a sentence as is read: its beginning, and its end, where the next step is. */
export const clipped = (sentence: string, most = 700): string =>
  sentence.length <= most ? sentence : `${sentence.slice(0, most - 253)} … ${sentence.slice(-250)}`
