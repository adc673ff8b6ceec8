// Programs that are started, bounded in time, and ended with everything they started themselves.
import { spawn, spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { ReleaseError } from './release-error.mjs'

const windows = process.platform === 'win32'
const running = new Set()

/** How long a program may take to end what it started itself, before it is ended the hard way. */
const secondsToEnd = 5

/** Ends a program and all it started; nothing is waited for. */
export const end = (child) => {
  const signal = (name) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    if (windows) spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F'], { stdio: 'ignore' })
    else
      try {
        process.kill(-child.pid, name) // a group of its own: see detached below
      } catch (error) {
        if (error.code !== 'ESRCH') throw error // it has just ended by itself
      }
  }
  signal('SIGTERM')
  setTimeout(signal, secondsToEnd * 1000, 'SIGKILL').unref()
}

/** Ends every program that is still running. */
export const endPrograms = () => [...running].forEach(end)

/** Ends every program, and lets no other be started: what waits for them comes to an end. */
export const endForGood = () => {
  over = true
  endPrograms()
}

let over = false

/** @throws ReleaseError once no more programs may be started */
export const continueUnlessOver = () => {
  if (over) throw new ReleaseError('it was interrupted')
}

/** Starts a program that is ended by end(), or with all others. */
export const launch = ([program, ...args], options) => {
  continueUnlessOver()
  const child = spawn(program, args, { stdio: 'ignore', windowsHide: true, detached: !windows, ...options })
  running.add(child)
  return child.once('close', () => running.delete(child)).once('error', () => running.delete(child))
}

/** What a failed program said, as far as it helps. */
const lastLines = (text) => text.trimEnd().split('\n').slice(-30).join('\n')

/**
 * Runs a program to its end.
 *
 * @param command the program and its arguments
 * @param options.cwd, options.env where, and with what environment: this process's unless given
 * @param options.seconds how long it may take
 * @param options.show whether its output goes to this process's standard error as well
 * @returns { status, stdout, stderr } whatever its exit status was
 * @throws ReleaseError where it can't be started or takes too long
 */
export const attempt = (command, { cwd, env = process.env, seconds = 600, show = false } = {}) =>
  new Promise((resolve, reject) => {
    const shell = windows && command[0].endsWith('.cmd') // Node starts no batch file without one
    const child = launch(command, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], shell })
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'])
      child[stream].setEncoding('utf8').on('data', (text) => {
        output[stream] += text
        if (show) process.stderr.write(text)
      })
    let late = false
    const timer = setTimeout(() => {
      late = true
      end(child)
    }, seconds * 1000)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(new ReleaseError(`could not run ${command[0]}: ${error.message}`, { cause: error }))
    })
    child.on('close', (status) => {
      clearTimeout(timer)
      if (late)
        reject(
          new ReleaseError(
            `"${command.map((word) => basename(word)).join(' ')}" took more than ${seconds} s and was ended; it said:\n` +
              lastLines(output.stdout + output.stderr),
          ),
        )
      else resolve({ status: status ?? 1, ...output })
    })
  })

/** As attempt, for a program that has to succeed. @returns what it wrote to its standard output */
export const run = async (command, options) => {
  const { status, stdout, stderr } = await attempt(command, options)
  if (status === 0) return stdout
  const words = command.map((word, i) => (i < 2 ? basename(word) : word)).join(' ')
  const said = options?.show ? '' : `; it said:\n${lastLines(stdout + stderr)}`
  throw new ReleaseError(`"${words}" ended with exit status ${status}${said}`)
}

/** npm as a command: what runs this script, or the one on the path. */
export const npm = () => {
  const running = process.env.npm_execpath
  if (running !== undefined && basename(running) === 'npm-cli.js') return [process.execPath, running]
  if (windows) return ['npm.cmd']
  for (const folder of process.env.PATH?.split(delimiter) ?? [])
    try {
      const found = realpathSync(join(folder, 'npm'))
      return basename(found) === 'npm-cli.js' ? [process.execPath, found] : [found]
    } catch {
      continue // not in this folder
    }
  throw new ReleaseError('npm is not on the path: it comes with Node, and nothing can be published without it')
}
