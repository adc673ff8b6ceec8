// The one file that starts programs: this very command as workers of a sweep, and what hands a sweep to other machines.
import { spawn, type ChildProcess } from 'node:child_process'
import { UsageError } from './usage-error'

export type { ChildProcess }

/** What became of a program. */
interface ProgramEnd {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/**
 * Runs a program that is found by its name, without a shell, and waits for it.
 *
 * @param input what it reads on standard input
 * @throws UsageError if there is none of that name
 */
export const runProgram = (name: string, args: readonly string[], input = ''): Promise<ProgramEnd> =>
  new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    child.stderr.on('data', (text: Buffer) => (err += text.toString()))
    child.stdin.on('error', () => {}) // it ended without reading: its code says how
    child.stdin.end(input)
    child.on('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'ENOENT'
          ? new UsageError(`there is no program ${name} here: install it, or name another place to run on`, { cause })
          : cause,
      ),
    )
    child.on('close', (code) => resolve({ code, out, err }))
  })

/** How this very command is started: the runtime, what it was given, the script. */
export const ownCommand = (): readonly string[] => [process.execPath, ...process.execArgv, process.argv[1] ?? '']

/** One word for a shell, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/**
 * Starts a program in a group of its own, so that what a terminal sends reaches only whoever started it. Its standard input stays open for
 * as long as this process lives.
 *
 * @param err a file's descriptor for its standard error
 */
export const startProgram = (
  [program = '', ...args]: readonly string[],
  { env, err }: { readonly env: Readonly<Record<string, string>>; readonly err: number },
): ChildProcess =>
  spawn(program, args, { stdio: ['pipe', 'pipe', err], detached: true, env: { ...process.env, ...env } })

/** Starts a program that goes on when this process ends. @param out a file's descriptor for all that it says */
export const startAway = ([program = '', ...args]: readonly string[], out: number): void =>
  spawn(program, args, { stdio: ['ignore', out, out], detached: true }).unref()
