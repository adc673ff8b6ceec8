// A sweep whose workers run elsewhere, followed from its folder alone.
import { setTimeout as wait } from 'node:timers/promises'
import { drawLive, note } from '../output'
import { activeArrays, arraysOf } from './slurm'
import { statesOf, summary } from './states'
import type { Sweep } from './sweep-folder'

/** How often the folder is looked at, in milliseconds. */
const interval = 2000

/** Tells how a sweep on Slurm goes on, until all is done, no worker is left, or the signal. */
export const followArrays = async (folder: string, sweep: Sweep, signal: AbortSignal): Promise<void> => {
  let told = ''
  while (!signal.aborted) {
    const states = await statesOf(folder, sweep)
    const active = await activeArrays(await arraysOf(folder))
    const line = summary(states)
    if (line !== told && !process.stderr.isTTY) note(line)
    told = line
    drawLive(`${line}  (array ${active.join(', ') || 'none'})`)
    if (states.done.length + states.failed.length === sweep.runs.length && active.length === 0) return
    if (active.length === 0)
      return note(
        `no worker is left, and ${states.open.length + states.running.length} runs are not done: their logs say why; the same command resumes the sweep`,
      )
    await wait(interval, undefined, { signal }).catch(() => {}) // stopped: the loop sees it
  }
}
