// events.jsonl in a run's folder: a line an event, written as it happens, for anyone watching.
import { appendFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Progress, Run } from '@digitlab/train'
import { warn } from './output'

/** What a run's folder holds for anyone watching the run. */
export const eventsFile = 'events.jsonl'

/** How often a step is written, in milliseconds: a fast net takes thousands a second, and run.json has the loss of every one. */
const interval = 500

export interface EventsLog {
  /** Hands every event on, and writes it. */
  following<T>(next: (progress: Progress) => T): (progress: Progress) => T
  /** A checkpoint is whole, after so many steps. */
  checkpoint(steps: number): void
  /** What the run came to; everything is written then. */
  end(run: Run): Promise<void>
  /** Why there is no run; everything is written then. */
  fail(error: unknown): Promise<void>
  /** As if there had been no run. */
  remove(): Promise<void>
}

/**
 * Follows a run in its folder. Lines are added to those that are there, as a run that is resumed adds to what it was. What the disk refuses
 * is said once, and costs no run.
 */
export const eventsLog = (folder: string): EventsLog => {
  const path = join(folder, eventsFile)
  let writing: Promise<void> = Promise.resolve()
  let refused = false
  let stepAt = -Infinity
  const write = (event: Readonly<Record<string, unknown>>) => {
    const line = `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`
    // One after the other, in the order of the events.
    writing = writing
      .then(() => appendFile(path, line))
      .catch((error: Error) => {
        if (!refused) warn(`${path} could not be written (${error.message}): the run continues without it`)
        refused = true
      })
  }
  const tell = (progress: Progress) => {
    switch (progress.type) {
      case 'started':
        return write({
          type: 'started',
          id: progress.id,
          backend: progress.backend.id,
          stepsPerEpoch: progress.stepsPerEpoch,
        })
      case 'step': {
        const now = performance.now()
        if (now - stepAt < interval) return
        stepAt = now
        return write(progress)
      }
      case 'epoch':
        return write({ type: 'epoch', ...progress.record })
      case 'notice':
        return write(progress)
      case 'evaluating':
        return
    }
  }
  return {
    following: (next) => (progress) => {
      tell(progress)
      return next(progress)
    },
    checkpoint: (steps) => write({ type: 'checkpoint', steps }),
    async end({ status, metrics }) {
      write({ type: 'ended', status, testAccuracy: metrics.accuracy, testLoss: metrics.meanLoss })
      await writing
    },
    async fail(error) {
      write({ type: 'failed', sentence: error instanceof Error ? error.message : String(error) })
      await writing
    },
    async remove() {
      await writing
      await rm(path, { force: true })
    },
  }
}

/** Whether what a run came to is written in its folder. */
export const hasEnd = async (folder: string): Promise<boolean> => {
  const text = await readFile(join(folder, eventsFile), 'utf8').catch(() => '')
  return /"type":"ended"[^\n]*\n$/.test(text)
}
