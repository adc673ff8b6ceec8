// A side of the comparison as a process that takes turns.
import { spawn } from 'node:child_process'

/** The longest that one turn may take, in milliseconds. */
const longest = 10 * 60_000

/** The line of a stack that says what was wrong. */
const reasonOf = (errors: string) =>
  errors
    .split('\n')
    .reverse()
    .find((line) => /^\s*\w*(Error|Exception)\b.*:/.test(line))
    ?.trim() || `it ended: ${errors.trim().slice(-200) || 'without a word'}`

/**
 * What a side does in a turn: epochs one after another, or parts of them where an epoch takes minutes. At least so many seconds of them are not
 * timed, then at least so many are.
 */
export interface Turn {
  readonly untimed: number
  readonly timed: number
}

/** One epoch, or part of one, however long it takes. */
export const once: Turn = { untimed: 0, timed: 0 }

/**
 * The same for every side: its threads are awake, its code compiled and its memory in the caches when it is timed, as in the middle of a
 * training, and a single short epoch decides nothing.
 */
export const warm: Turn = { untimed: 0.5, timed: 1 }

/** What a turn came to: seconds of an epoch or a part of one, the mean of those that were timed, and how many there were of each. */
export interface Timed {
  readonly seconds: number
  readonly epochs: Epochs
}

/** How many epochs, or parts of them, a turn had. */
export interface Epochs {
  readonly untimed: number
  readonly timed: number
}

/** What a side tells of a turn. */
export interface Told {
  readonly secondsPerEpoch: number
  readonly epochs: Epochs
  readonly peakBytes: number
  /** Of its first steps, in its first turn. */
  readonly losses?: readonly number[]
  readonly steps?: number
  readonly heldBytes?: number
}

/** Starts a side, which tells `Telling` of each turn. */
export const startSide = <Telling = Told>(command: string, args: readonly string[]) => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let [output, errors] = ['', '']
  let waiting: { resolve: (told: Telling) => void; reject: (error: Error) => void } | undefined
  const settle = () => {
    const end = output.indexOf('\n')
    if (!waiting || end < 0) return
    const line = output.slice(0, end)
    output = output.slice(end + 1)
    const { resolve, reject } = waiting
    waiting = undefined
    try {
      resolve(JSON.parse(line) as Telling)
    } catch {
      reject(new Error(`expected a line of JSON, the side said: ${line.slice(0, 200)}`))
    }
  }
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    output += piece
    settle()
  })
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (errors = (errors + piece).slice(-4000)))
  child.stdin.on('error', () => {}) // it ended: told by 'exit'
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      errors += error.message
      resolve()
    })
    child.on('close', () => resolve())
  })
  let over = false
  const fail = () => waiting?.reject(new Error(reasonOf(errors)))
  void ended.then(() => {
    over = true
    fail()
  })
  return {
    turn: (of: Turn = once): Promise<Telling> =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          child.kill('SIGKILL')
          reject(new Error(`no answer within ${longest / 60_000} minutes`))
        }, longest)
        const clear =
          <T>(then: (value: T) => void) =>
          (value: T) => {
            clearTimeout(timer)
            then(value)
          }
        waiting = { resolve: clear(resolve), reject: clear(reject) }
        if (over) return fail()
        child.stdin.write(`${JSON.stringify(of)}\n`)
        settle()
      }),
    end: async (): Promise<void> => {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await ended
      clearTimeout(timer)
    },
  }
}
