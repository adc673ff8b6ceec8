// Holds a command that trains at the end of an epoch: what a test does to it meanwhile comes neither too early nor too late, however fast
// the machine is.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export interface HeldRun {
  /** Of the commands that are held, each once it has written the event of an epoch. */
  readonly env: Readonly<Record<string, string>>
  /** All go on, and none is held any more. */
  letGo(): void
}

/** @param path of files that it makes, `.cjs` and `.go` behind it */
export const holdAtEpoch = (path: string): HeldRun => {
  const go = `${path}.go`
  return { env: holding(path, `fs.existsSync(${JSON.stringify(go)})`, ''), letGo: () => writeFileSync(go, '') }
}

/**
 * Holds the workers of a sweep, and of a run of it alone, until their standard input ends: by that they are told to stop.
 *
 * @param path of a file that it makes, `.cjs` behind it; @param run a part of the run's name
 * @returns the environment of the command that starts them
 */
export const holdUntilTold = (path: string, run: string): HeldRun['env'] =>
  holding(
    path,
    "(() => { try { return fs.readSync(0, byte) === 0 } catch ({ code }) { return code === 'EOF' } })()",
    run,
  )

const holding = (path: string, goesOn: string, run: string): HeldRun['env'] => {
  const hold = `${path}.cjs`
  mkdirSync(dirname(hold), { recursive: true })
  writeFileSync(
    hold,
    `const fs = require('node:fs')
fs.promises.appendFile = async (path, text) => {
  fs.appendFileSync(path, text)
  const [nothing, byte] = [new Int32Array(new SharedArrayBuffer(4)), Buffer.alloc(1)]
  if (text.includes('"epoch"') && path.includes(${JSON.stringify(run)})) while (!${goesOn}) Atomics.wait(nothing, 0, 0, 20)
}
require('node:module').syncBuiltinESMExports()
`,
  )
  return { NODE_OPTIONS: `--require ${JSON.stringify(hold)}` }
}

/**
 * Does something once, when a run has written the event of an epoch. What it returns ends the looking, where that never was.
 *
 * @param events the run's events.jsonl
 */
export const onceAtEpoch = (events: string, then: () => void): (() => void) => {
  const looking = setInterval(() => {
    if (!existsSync(events) || !readFileSync(events, 'utf8').includes('"epoch"')) return
    clearInterval(looking)
    then()
  }, 10)
  return () => clearInterval(looking)
}
