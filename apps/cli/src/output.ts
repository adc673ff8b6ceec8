import { clean } from './clean'

/** How many lines are being drawn that the next ones are to replace. */
let live = 0

/** Draws lines over those that were drawn before; in a terminal only. */
export const drawLive = (...lines: readonly string[]): void => {
  if (!process.stderr.isTTY) return
  const most = (process.stderr.columns ?? 80) - 1
  process.stderr.write(above(live) + lines.map((line) => `\r\u001b[2K${clean(line).slice(0, most)}`).join('\n'))
  live = lines.length
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
  const words = json ? JSON.stringify(document(), null, 2) : text().trimEnd()
  process.stdout.write(`${drawn && !json ? words : clean(words)}\n`)
}

/** One JSON document a line, for a program that reads along. */
export const writeLine = (document: unknown): void => void process.stdout.write(`${clean(JSON.stringify(document))}\n`)

/** Everything else a person may want to know goes to standard error. */
export const note = (sentence: string): void => {
  clearLive()
  process.stderr.write(`${clean(sentence)}\n`)
}

/** Where commander's help and its complaints about the command line go. */
export const commandOutput = {
  writeOut: (text: string): void => void process.stdout.write(clean(text)),
  writeErr: (text: string): void => void process.stderr.write(clean(text)),
}

export const percent = (fraction: number, digits = 2): string => `${(100 * fraction).toFixed(digits)} %`

export const grouped = (value: number): string => Math.round(value).toLocaleString('en-US')

/** 3.21 s, 4 min 05 s */
export const duration = (seconds: number): string => {
  if (seconds < 9.95) return `${seconds.toFixed(seconds < 0.995 ? 2 : 1)} s`
  if (seconds < 59.5) return `${Math.round(seconds)} s`
  const whole = Math.round(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`
  return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`
}
