// Hostile files, read in a process of their own: what a reader takes of memory and time is then its own, and a reader that
// takes too much, or never comes back, ends its own process and not the test's.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect } from 'vitest'
import { notOneLine } from './sentence'

/** What became of one file. */
export interface Reading {
  /** 'read'; 'refused' with an error that a user can mend; 'failed' with another one; 'killed' where the process was ended. */
  readonly outcome: 'read' | 'refused' | 'failed' | 'killed'
  /** What the reader said, or how the process ended. */
  readonly message: string
  /** The most memory of the process while it read (resident), over what it had when it was about to, in bytes. */
  readonly grown: number
  /** The most memory of the process altogether, in bytes. */
  readonly peak: number
  /** Time of all its threads while it read, in seconds: waiting for a busy machine is not counted. */
  readonly seconds: number
}

/** What a reader may take. */
export interface Limits {
  /** Heap of the process, in MB. */
  readonly heap?: number
  /** After this time without an answer a process is ended, in seconds. */
  readonly patience?: number
}

/** A reader in a process of its own. */
export interface HostileReader {
  /** What becomes of one file, in a fresh process. */
  read(file: Uint8Array): Promise<Reading>
  /** What becomes of many, one after the other in one process: of all of them, or up to the first that ended it. */
  readMany(files: readonly Uint8Array[]): Promise<readonly Reading[]>
  close(): Promise<void>
}

const child = `
import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import * as module from './module.mjs'
const read = READ
const memory = () => {
  let status = ''
  try { status = readFileSync('/proc/self/status', 'utf8') } catch {}
  const of = (name, other) => 1024 * Number(new RegExp('^' + name + ':\\\\s*(\\\\d+)', 'm').exec(status)?.[1] ?? other)
  return { now: of('VmRSS', process.memoryUsage.rss() / 1024), peak: of('VmHWM', process.resourceUsage().maxRSS) }
}
const all = new Uint8Array(readFileSync(process.argv[2]))
const view = new DataView(all.buffer)
for (let at = 0; at < all.length; ) {
  const length = view.getUint32(at, true)
  const bytes = all.slice(at + 4, at + 4 + length)
  at += 4 + length
  try { writeFileSync('/proc/self/clear_refs', '5') } catch {} // the peak is counted from here
  const before = memory().now
  const started = process.cpuUsage()
  let outcome = 'read', message = ''
  try {
    await read(module, bytes)
  } catch (error) {
    outcome = error?.mendable === true ? 'refused' : 'failed'
    message = error?.mendable === true ? String(error.message) : String(error?.stack ?? error)
  }
  const { user, system } = process.cpuUsage(started)
  const { peak } = memory()
  writeSync(1, JSON.stringify({ outcome, message, grown: peak - before, peak, seconds: (user + system) / 1e6 }) + '\\n')
}
`

/**
 * Makes a reader that runs in a process of its own, with 256 MB of heap unless said otherwise.
 *
 * @param source the module that has the reader, as TypeScript: `new URL('./index.ts', import.meta.url)`
 * @param read how it is called. It is sent to the other process as text: it can name nothing but its own parameters
 */
export const hostileReader = async <Module>(
  source: URL,
  read: (module: Module, bytes: Uint8Array<ArrayBuffer>) => unknown,
  { heap = 256, patience = 60 }: Limits = {},
): Promise<HostileReader> => {
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-hostile-'))
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile: join(folder, 'module.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@digitlab/source'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url)",
    },
    logLevel: 'error',
  })
  const main = join(folder, 'read.mjs')
  await writeFile(
    main,
    child.replace('READ', () => `(${read.toString()})`),
  )
  let batches = 0
  const readMany = async (files: readonly Uint8Array[]): Promise<readonly Reading[]> => {
    const batch = join(folder, `${batches++}.bin`)
    const lengths = files.map((file) => new Uint8Array(Uint32Array.of(file.length).buffer))
    await writeFile(batch, Buffer.concat(files.flatMap((file, i) => [lengths[i] ?? file, file])))
    const readings: Reading[] = []
    const how = await new Promise<string | undefined>((resolve) => {
      const started = spawn(process.execPath, [`--max-old-space-size=${heap}`, main, batch], {
        env: { ...process.env, NODE_OPTIONS: '' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let [line, said, stalled] = ['', '', false]
      const watch = setTimeout(() => {
        stalled = true
        started.kill('SIGKILL')
      }, 1000 * patience)
      started.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
      started.stdout.setEncoding('utf8').on('data', (text: string) => {
        watch.refresh()
        const lines = (line + text).split('\n')
        line = lines.pop() ?? ''
        readings.push(...lines.map((one) => JSON.parse(one) as Reading))
      })
      started.on('close', (code, signal) => {
        clearTimeout(watch)
        if (code === 0) resolve(undefined)
        else resolve(stalled ? `no answer within ${patience} s` : `the process ended with ${code ?? signal}\n${said}`)
      })
    })
    await rm(batch)
    if (how === undefined && readings.length === files.length) return readings
    const message = (how ?? `${readings.length} answers of ${files.length}`).slice(0, 2000)
    return [...readings, { outcome: 'killed', message, grown: Infinity, peak: Infinity, seconds: Infinity }]
  }
  return {
    read: async (file) => {
      const [reading] = await readMany([file])
      if (!reading) throw new Error('there is no answer')
      return reading
    },
    readMany,
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`

/** Holds a sentence about a file to one line that a person reads to its end, whatever the file holds. */
export const expectSentence = (message: string): void => expect(notOneLine(message)).toBeUndefined()

/**
 * Holds what a file took to the bounds of every reader: at most 64 MB and four times the file, or the memory that the file's
 * header honestly asks for; at most 2 s of computing; and a refusal to one sentence. A process that was ended, and an error that is a bug,
 * fail.
 *
 * @param asked bytes that the header asks for, where the file is sound and large
 */
export const expectBounded = (reading: Reading, file: Uint8Array, asked = 0): void => {
  const { outcome, message, grown, seconds } = reading
  expect(['read', 'refused'], `${outcome}: ${message}`).toContain(outcome)
  if (outcome === 'refused') expectSentence(message)
  const most = 64 * 2 ** 20 + Math.max(4 * file.length, asked)
  expect(grown, `took ${megabytes(grown)}, may take ${megabytes(most)} (${outcome}: ${message})`).toBeLessThan(most)
  expect(seconds, `computed for ${seconds} s (${outcome}: ${message})`).toBeLessThan(2)
}
