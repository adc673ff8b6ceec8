// A sweep on the terminal: a line for each run in progress under one for them all, or a line an event where it is no terminal.
import { duration, percent } from '@digitlab/report'
import { bar, fitted } from '../fitted'
import { drawLive, liveWidth, note, warn } from '../output'
import type { SweepRun } from './sweep-folder'
import type { WorkEvent } from './work'

export interface ProgressView {
  /** @param worker which of them tells it */
  tell(worker: number, event: WorkEvent): void
  /** A worker is gone, and what it had at hand is nobody's. */
  gone(worker: number): void
  readonly done: () => number
  readonly failures: () => ReadonlyMap<string, string>
}

/** How often the lines are drawn anew, in milliseconds. */
const interval = 100

/** More runs in progress than this are counted, not shown. */
const mostLines = 16

/**
 * Shows the progress of a sweep.
 *
 * @param before how many runs were whole when it began
 */
export const progressView = (runs: readonly SweepRun[], before: number, workers: number): ProgressView => {
  const models = new Map(
    runs.map(({ name, experiment: { model } }) => [name, typeof model === 'string' ? model : model.name]),
  )
  const took = new Map<string, { seconds: number; count: number }>()
  const lines = new Map<number, { run: string; text: string }>()
  const failures = new Map<string, string>()
  const left = new Map<string, number>()
  for (const model of models.values()) left.set(model, (left.get(model) ?? 0) + 1)
  let [done, drawn] = [0, 0]

  const secondsLeft = (): number | undefined => {
    const all = [...took.values()]
    const known = all.reduce((sum, { count }) => sum + count, 0)
    if (known === 0) return undefined
    const mean = all.reduce((sum, { seconds }) => sum + seconds, 0) / known
    const share = before / runs.length // of each model alike: which of them were whole is not told
    let seconds = 0
    for (const [model, count] of left) {
      const its = took.get(model)
      seconds += Math.max(0, count * (1 - share) - (its?.count ?? 0)) * (its ? its.seconds / its.count : mean)
    }
    return seconds / workers
  }
  const summary = () => {
    const time = secondsLeft()
    return [
      `${before + done} of ${runs.length} runs done`,
      ...(failures.size > 0 ? [`${failures.size} failed`] : []),
      ...(time === undefined ? [] : [`${duration(time)} left`]),
    ].join('  ')
  }
  const draw = (now = false) => {
    if (!now && performance.now() - drawn < interval) return
    drawn = performance.now()
    const shown = [...lines.values()].map(({ run, text }) => `  ${run}  ${text}`)
    const more = shown.length > mostLines ? [`  and ${shown.length - mostLines} more`] : []
    const whole = [{ spans: bar((before + done) / runs.length, 20), spare: 0 }, { spans: [summary()] }]
    drawLive(fitted(whole, liveWidth()), ...shown.slice(0, mostLines), ...more)
  }
  return {
    done: () => done,
    failures: () => failures,
    gone(worker) {
      lines.delete(worker)
      draw(true)
    },
    tell(worker, event) {
      const { run } = event
      switch (event.type) {
        case 'claimed':
          lines.set(worker, { run, text: 'begins' })
          return draw(true)
        case 'progress': {
          const { progress } = event
          if (progress.type === 'step')
            lines.set(worker, {
              run,
              text: `epoch ${progress.epoch}  ${progress.step}/${progress.stepsPerEpoch}  loss ${progress.loss.toFixed(4)}`,
            })
          else if (progress.type === 'epoch')
            lines.set(worker, {
              run,
              text: `epoch ${progress.record.epoch}  loss ${progress.record.trainLoss.toFixed(4)}`,
            })
          else if (progress.type === 'notice') note(`${run}  ${progress.sentence}`)
          return draw()
        }
        case 'done': {
          done++
          lines.delete(worker)
          failures.delete(run)
          const model = models.get(run) ?? ''
          const { seconds, count } = took.get(model) ?? { seconds: 0, count: 0 }
          took.set(model, { seconds: seconds + event.seconds, count: count + 1 })
          note(
            `${before + done}/${runs.length}  ${run}  test accuracy ${percent(event.testAccuracy)}  ${duration(event.seconds)}`,
          )
          return draw(true)
        }
        case 'lost':
          lines.delete(worker)
          note(`${run}  was taken over by another machine`)
          return draw(true)
        case 'failed':
          lines.delete(worker)
          failures.set(run, event.sentence)
          warn(`failed: ${run}: ${event.sentence}`)
          return draw(true)
      }
    },
  }
}
