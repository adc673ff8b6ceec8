import { clean } from './clean'

/**
 * The result of a command: text for a person, or one JSON document; either on standard output, once.
 *
 * @param drawn whether the text is a picture in colours of ours, and what in it is of others is clean already
 */
export const writeResult = (json: boolean, document: () => unknown, text: () => string, drawn = false): void => {
  const words = json ? JSON.stringify(document(), null, 2) : text().trimEnd()
  process.stdout.write(`${drawn && !json ? words : clean(words)}\n`)
}

/** Everything else a person may want to know goes to standard error. */
export const note = (sentence: string): void => void process.stderr.write(`${clean(sentence)}\n`)

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
