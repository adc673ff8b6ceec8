// One command line within this process, where what is tested is what it says and not that it is a process.
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import { runCommand } from '../main'
import type { Ended, Running } from './command'

/** The built command, which a command that runs here starts where it starts itself: workers of a sweep. */
export const bin = fileURLToPath(new URL('../../bin/digitlab.js', import.meta.url))

/** Signals to a command that runs here reach its handlers, and nothing else. */
const running: Running = { kill: (signal = 'SIGTERM') => process.emit(signal, signal) }

/**
 * Runs a command in a folder, with what it writes to standard output and standard error. One at a time.
 *
 * @param onErr told at every writing to standard error, before the command goes on
 */
export const runHere = async (
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onErr?: (err: string, running: Running) => void,
): Promise<Omit<Ended, 'signal'>> => {
  const before = process.cwd()
  const { argv, execArgv } = process
  let [out, err] = ['', '']
  const outs = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  const errs = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text)
    onErr?.(err, running)
    return true
  })
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  process.chdir(folder)
  process.argv = [process.execPath, bin, ...args]
  process.execArgv = []
  try {
    const code = await runCommand(args)
    return { code, out, err }
  } finally {
    process.chdir(before)
    Object.assign(process, { argv, execArgv })
    vi.unstubAllEnvs()
    outs.mockRestore()
    errs.mockRestore()
  }
}
