import { clean } from './clean'

/** Whether a line is being drawn that the next one is to replace. */
let live = false

/** Draws a line over the one that was drawn before; in a terminal only. */
export const drawLive = (line: string): void => {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\r\u001b[2K${clean(line).slice(0, (process.stderr.columns ?? 80) - 1)}`)
  live = true
}

/** Takes a line that was being drawn away: nothing else may run into it. */
const clearLive = (): void => {
  if (live) process.stderr.write('\r\u001b[2K')
  live = false
}

/** Makes a notice begin on a line of its own after what the terminal shows of a key, such as ^C. */
export const freshLine = (): void => {
  if (!live && process.stderr.isTTY) process.stderr.write('\n')
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
