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
  const [hold, go] = [`${path}.cjs`, `${path}.go`]
  mkdirSync(dirname(hold), { recursive: true })
  writeFileSync(
    hold,
    `const fs = require('node:fs')
fs.promises.appendFile = async (path, text) => {
  fs.appendFileSync(path, text)
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  if (text.includes('"epoch"')) while (!fs.existsSync(${JSON.stringify(go)})) Atomics.wait(nothing, 0, 0, 20)
}
require('node:module').syncBuiltinESMExports()
`,
  )
  return { env: { NODE_OPTIONS: `--require ${JSON.stringify(hold)}` }, letGo: () => writeFileSync(go, '') }
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
