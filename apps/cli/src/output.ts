import { clean } from './clean'
import { painted, tableSpans, type Span } from './colour'

/** How much is said beside the result: with --quiet what went wrong alone, with --verbose what is rarely asked for too. */
type Voice = 'quiet' | 'normal' | 'verbose'

let voice: Voice = 'normal'

/** Sets how much the command says from now on. */
export const speak = (wanted: Voice): void => {
  voice = wanted
}

/** How many lines are being drawn that the next ones are to replace. */
let live = 0

/** Whether lines are drawn over: in a terminal, where somebody wants to see them. */
const isLive = (): boolean => process.stderr.isTTY && voice !== 'quiet'

/** Characters that a line of the terminal takes which is drawn over. */
export const liveWidth = (): number => (process.stderr.columns ?? 80) - 1

/** Draws lines over those that were drawn before; in a terminal only. */
export const drawLive = (...lines: readonly (string | readonly Span[])[]): void => {
  if (!isLive()) return
  const most = liveWidth()
  const shown = lines.map((line) => painted(process.stderr, cut(typeof line === 'string' ? [line] : line, most)))
  process.stderr.write(above(live) + shown.map((line) => `\r\u001b[2K${line}`).join('\n'))
  live = lines.length
}

/** As much of a line as there is room for. */
const cut = (spans: readonly Span[], most: number): Span[] => {
  let room = most
  return spans.map((span) => {
    const text = clean(typeof span === 'string' ? span : span.text).slice(0, room)
    room -= text.length
    return typeof span === 'string' ? text : { ...span, text }
  })
}

/** Empties the line that the cursor is in and those above it, and leaves the cursor in the first of `count`. */
const above = (count: number): string => '\r\u001b[2K\u001b[1A'.repeat(Math.max(0, count - 1))

/** Takes lines that were being drawn away: nothing else may run into them. */
const clearLive = (): void => {
  if (live > 0) process.stderr.write(`${above(live)}\r\u001b[2K`)
  live = 0
}

/** Makes a notice begin on a line of its own after what the terminal shows of a key, such as ^C. */
export const freshLine = (): void => {
  if (live === 0 && process.stderr.isTTY) process.stderr.write('\n')
  clearLive()
}

/**
 * The result of a command: text for a person, or one JSON document; either on standard output, once.
 *
 * @param drawn whether the text is a picture in colours of ours, and what in it is of others is clean already
 */
export const writeResult = (json: boolean, document: () => unknown, text: () => string, drawn = false): void => {
  clearLive()
  if (json) process.stdout.write(`${clean(JSON.stringify(document(), null, 2))}\n`)
  else {
    const words = text().trimEnd()
    process.stdout.write(`${drawn ? words : painted(process.stdout, tableSpans(words))}\n`)
  }
}

/** A result of lines in styles. */
export const writeLines = (json: boolean, document: () => unknown, lines: () => readonly (readonly Span[])[]): void =>
  writeResult(
    json,
    document,
    () =>
      lines()
        .map((line) => painted(process.stdout, line))
        .join('\n'),
    true,
  )

/** Characters that a line of the result may have: those of the terminal, or any number in a file. */
export const resultWidth = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined)

/** A script of ours that somebody's shell reads, as it is. */
export const writeScript = (text: string): void => void process.stdout.write(text)

/** One JSON document a line, for a program that reads along. */
export const writeLine = (document: unknown): void => void process.stdout.write(`${clean(JSON.stringify(document))}\n`)

const say = (...spans: readonly Span[]): void => {
  clearLive()
  process.stderr.write(`${painted(process.stderr, spans)}\n`)
}

/** What a person may want to know meanwhile goes to standard error. */
export const note = (...spans: readonly Span[]): void => {
  if (voice !== 'quiet') say(...spans)
}

/** What is asked for rarely: with --verbose. */
export const detail = (sentence: string): void => {
  if (voice === 'verbose') say({ style: 'dim', text: sentence })
}

/** What a person must know, even with --quiet. */
export const warn = (sentence: string): void => say({ style: 'yellow', text: sentence })

/** What the command failed of. */
export const complain = (sentence: string): void => say({ style: 'red', text: 'digitlab:' }, ` ${sentence}`)

/** Where commander's help and its complaints about the command line go. */
export const commandOutput = {
  writeOut: (text: string): void => void process.stdout.write(clean(text)),
  writeErr: (text: string): void => void process.stderr.write(clean(text)),
}
