// A side of the comparison as a process that takes turns.
import { spawn } from 'node:child_process'

/** The longest that one turn may take, in milliseconds. */
const longest = 10 * 60_000

/** The line of a stack that says what was wrong. */
const reasonOf = (errors) =>
  errors
    .split('\n')
    .reverse()
    .find((line) => /^\s*\w*(Error|Exception)\b.*:/.test(line))
    ?.trim() || `it ended: ${errors.trim().slice(-200) || 'without a word'}`

/** @returns { turn(): Promise<message>, end(): Promise<void> } */
export const startSide = (command, args, options = {}) => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
  let [output, errors] = ['', '']
  let waiting
  const settle = () => {
    const end = output.indexOf('\n')
    if (!waiting || end < 0) return
    const line = output.slice(0, end)
    output = output.slice(end + 1)
    const { resolve, reject } = waiting
    waiting = undefined
    try {
      resolve(JSON.parse(line))
    } catch {
      reject(new Error(`expected a line of JSON, the side said: ${line.slice(0, 200)}`))
    }
  }
  child.stdout.on('data', (piece) => {
    output += piece
    settle()
  })
  child.stderr.on('data', (piece) => (errors = (errors + piece).slice(-4000)))
  child.stdin.on('error', () => {}) // it ended: told by 'exit'
  const ended = new Promise((resolve) => {
    child.on('error', (error) => {
      errors += error.message
      resolve()
    })
    child.on('close', resolve)
  })
  let over = false
  const fail = () => waiting?.reject(new Error(reasonOf(errors)))
  ended.then(() => {
    over = true
    fail()
  })
  return {
    turn: () =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          child.kill('SIGKILL')
          reject(new Error(`no answer within ${longest / 60_000} minutes`))
        }, longest)
        const clear = (then) => (value) => {
          clearTimeout(timer)
          then(value)
        }
        waiting = { resolve: clear(resolve), reject: clear(reject) }
        if (over) return fail()
        child.stdin.write('go\n')
        settle()
      }),
    end: async () => {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await ended
      clearTimeout(timer)
    },
  }
}
