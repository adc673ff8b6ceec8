// Programs that are started, bounded in time, and ended with everything they started themselves.
import { spawnSync, type ChildProcess } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { execa, type Options } from 'execa'
import { ReleaseError } from './release-error'

/** A program and its arguments. */
export type Command = readonly string[]

const windows = process.platform === 'win32'
/** A program that was started. */
export type Started = Pick<ChildProcess, 'pid'>

const running = new Set<Started>()

/** How long a program may take to end what it started itself, before it is ended the hard way. */
const secondsToEnd = 5

/** Ends a program and all it started; nothing is waited for. */
export const end = (child: Started): void => {
  const signal = (name: NodeJS.Signals) => {
    if (child.pid === undefined || !running.has(child)) return
    if (windows) spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F'], { stdio: 'ignore' })
    else
      try {
        process.kill(-child.pid, name) // a group of its own: see detached below
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // it has just ended by itself
      }
  }
  signal('SIGTERM')
  setTimeout(signal, secondsToEnd * 1000, 'SIGKILL').unref()
}

/** Ends every program that is still running. */
export const endPrograms = (): void => running.forEach(end)

/** Ends every program, and lets no other be started: what waits for them comes to an end. */
export const endForGood = (): void => {
  over = true
  endPrograms()
}

let over = false

/** @throws ReleaseError once no more programs may be started */
export const continueUnlessOver = (): void => {
  if (over) throw new ReleaseError('it was interrupted')
}

/** Starts a program that is ended by end(), or with all others. It answers, however it ends, and has no input. */
export const launch = <T extends Options>([program = '', ...args]: Command, options: T) => {
  continueUnlessOver()
  const child = execa(program, args, {
    ...{ stdin: 'ignore', reject: false, detached: !windows, extendEnv: options.env === undefined },
    // No handlers of signals: whoever starts programs says when they end.
    ...{ stripFinalNewline: false, cleanup: false, ...options },
  } as const)
  running.add(child)
  void child.finally(() => running.delete(child))
  return child
}

/** What a failed program said, as far as it helps. */
const lastLines = (text: string) => text.trimEnd().split('\n').slice(-30).join('\n')

export interface RunOptions {
  /** Where it runs: this process's folder unless given. */
  readonly cwd?: string
  /** The whole of its environment: this process's unless given. */
  readonly env?: NodeJS.ProcessEnv
  /** How long it may take: 600 unless given. */
  readonly seconds?: number
  /** Whether its output goes to this process's standard error as well. */
  readonly show?: boolean
}

/**
 * Runs a program to its end.
 *
 * @returns what it wrote, whatever its exit status was
 * @throws ReleaseError where it can't be started or takes too long
 */
export const attempt = async (command: Command, { seconds = 600, show = false, ...where }: RunOptions = {}) => {
  const output = show ? (['pipe', 2] as const) : 'pipe'
  const child = launch(command, { ...where, stdout: output, stderr: output })
  let late = false
  const timer = setTimeout(() => {
    late = true
    end(child)
  }, seconds * 1000)
  const { stdout = '', stderr = '', exitCode, signal, originalMessage, cause } = await child
  clearTimeout(timer)
  if (late)
    throw new ReleaseError(
      `"${command.map((word) => basename(word)).join(' ')}" took more than ${seconds} s and was ended; it said:\n` +
        lastLines(stdout + stderr),
    )
  if (exitCode === undefined && signal === undefined)
    throw new ReleaseError(`could not run ${command[0]}: ${originalMessage}`, { cause })
  return { status: exitCode ?? 1, stdout, stderr }
}

/** As attempt, for a program that has to succeed. @returns what it wrote to its standard output */
export const run = async (command: Command, options?: RunOptions): Promise<string> => {
  const { status, stdout, stderr } = await attempt(command, options)
  if (status === 0) return stdout
  const words = command.map((word, i) => (i < 2 ? basename(word) : word)).join(' ')
  const said = options?.show ? '' : `; it said:\n${lastLines(stdout + stderr)}`
  throw new ReleaseError(`"${words}" ended with exit status ${status}${said}`)
}

/** npm as a command: what runs this script, or the one on the path. */
export const npm = (): Command => {
  const running = process.env['npm_execpath']
  if (running !== undefined && basename(running) === 'npm-cli.js') return [process.execPath, running]
  if (windows) return ['npm.cmd']
  for (const folder of process.env['PATH']?.split(delimiter) ?? [])
    try {
      const found = realpathSync(join(folder, 'npm'))
      return basename(found) === 'npm-cli.js' ? [process.execPath, found] : [found]
    } catch {
      continue // not in this folder
    }
  throw new ReleaseError('npm is not on the path: it comes with Node, and nothing can be published without it')
}
