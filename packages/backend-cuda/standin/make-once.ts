// What several processes of tests need at once, and one of them makes.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'

/** Longer than any making takes, in milliseconds: another process may have a dead one's number by then. */
const longest = 10 * 60_000

/** Whether it was left by a process that is gone. */
const isStale = (lock: string): boolean => {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    if (Date.now() - statSync(lock).mtimeMs > longest) return true
    if (pid > 0) process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Makes a file that is not there; where another process makes it already, waits for that. */
export const makeOnce = (file: string, make: () => void): void => {
  const lock = `${file}.lock`
  while (!existsSync(file)) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (isStale(lock)) rmSync(lock, { force: true })
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
      continue
    }
    try {
      // It may have come between the look and the lock.
      return existsSync(file) ? undefined : make()
    } finally {
      rmSync(lock, { force: true })
    }
  }
}
