// One command line within this process, where what is tested is what it says and not that it is a process.
import { vi } from 'vitest'
import { runCommand } from '../main'
import type { Ended } from './command'

/** Runs a command in a folder, with what it writes to standard output and standard error. One at a time. */
export const runHere = async (
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Omit<Ended, 'signal'>> => {
  const before = process.cwd()
  let [out, err] = ['', '']
  const outs = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  const errs = vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true))
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  process.chdir(folder)
  try {
    const code = await runCommand(args)
    return { code, out, err }
  } finally {
    process.chdir(before)
    vi.unstubAllEnvs()
    outs.mockRestore()
    errs.mockRestore()
  }
}
