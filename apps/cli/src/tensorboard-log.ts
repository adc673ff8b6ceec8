import { appendFile, rmdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Dataset } from '@digitlab/data'
import { tensorboardEvent, tensorboardHeader, type TensorboardValue } from '@digitlab/report'
import type { Progress } from '@digitlab/train'
import { epochScore, type RunResult } from '@digitlab/train/run'
import { makeFresh } from './new-folder'
import { UsageError } from './usage-error'

export interface TensorboardLog {
  /** Hands every event on, and keeps what TensorBoard draws. */
  following(next: (progress: Progress) => void): (progress: Progress) => void
  /** Writes what is still kept, and the grids of the fixed images. */
  end(result: RunResult, data: Dataset): Promise<void>
  /** Waits for a run. Of one that fails what is still kept is written, how it came to that; without any event nothing is left. */
  of<T>(run: Promise<T>): Promise<T>
}

/** How long events are kept before they are written, in milliseconds: TensorBoard looks every few seconds. */
const interval = 1000

/**
 * Writes the event file of a run, in a folder of its own, while it trains: loss and learning rate of every step; losses and accuracies
 * after each epoch; at the end the fixed images before and after, and of a run with validation what it scores on the test images. Does
 * nothing without a folder.
 *
 * @throws UsageError if the folder can't be written
 */
export const tensorboardLog = async (folder: string | undefined, name: string): Promise<TensorboardLog> => {
  if (folder === undefined) return { following: (next) => next, end: async () => {}, of: (run) => run }
  const refused = (cause: Error) =>
    new UsageError(`could not write events into ${folder} (${cause.message}): name another --tensorboard`, { cause })
  const own = await makeFresh(join(folder, name)).catch((cause: Error) => {
    throw refused((cause.cause as Error | undefined) ?? cause)
  })
  const file = join(own, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}`)
  let begun = false
  const write = async (events: readonly Uint8Array[]) => {
    try {
      await appendFile(file, Buffer.concat([...(begun ? [] : [tensorboardHeader(Date.now() / 1000)]), ...events]))
      begun = true
    } catch (cause) {
      throw refused(cause as Error)
    }
  }

  let kept: Uint8Array[] = []
  let written = performance.now()
  let stepsPerEpoch = 0
  // One after the other, in the order of the events; a failure is told at the end, and training continues.
  let writing: Promise<void> = Promise.resolve()
  let failure: unknown
  const flush = () => {
    const events = kept
    kept = []
    written = performance.now()
    writing = writing.then(() => write(events)).catch((error: unknown) => void (failure ??= error))
  }
  const keep = (step: number, values: readonly TensorboardValue[]) =>
    void kept.push(tensorboardEvent({ wallTime: Date.now() / 1000, step }, values))

  const onProgress = (progress: Progress) => {
    if (progress.type === 'started') stepsPerEpoch = progress.stepsPerEpoch
    if (progress.type === 'step')
      keep((progress.epoch - 1) * stepsPerEpoch + progress.step, [
        { tag: 'loss/step', scalar: progress.loss },
        { tag: 'learning rate', scalar: progress.learningRate },
      ])
    if (progress.type === 'epoch') {
      const { epoch, trainLoss, trainAccuracy } = progress.record
      const { on, loss, accuracy } = epochScore(progress.record)
      keep(epoch * stepsPerEpoch, [
        { tag: 'loss/train', scalar: trainLoss },
        { tag: `loss/${on}`, scalar: loss },
        { tag: 'accuracy/train', scalar: trainAccuracy },
        { tag: `accuracy/${on}`, scalar: accuracy },
      ])
    }
    if (progress.type === 'epoch' || performance.now() - written > interval) flush()
  }

  return {
    following: (next) => (progress) => {
      next(progress)
      onProgress(progress)
    },
    of: (run) =>
      run.catch(async (error: unknown) => {
        if (kept.length > 0) flush()
        await writing
        if (!begun) await rmdir(own).catch(() => {}) // empty
        throw error
      }),
    end: async ({ run, predictions }, data) => {
      const { fixedImagesFigure } = await import('@digitlab/report/figures')
      const { figurePng } = await import('@digitlab/report/node')
      const { drawnSize, predictionsOf } = await import('./report-input')
      const images = { ...drawnSize(data.imageShape), pixels: data.test.images }
      const { classNames } = data
      const steps = run.history.stepLosses.length
      for (const when of ['before', 'after'] as const) {
        const { svg } = fixedImagesFigure(images, predictionsOf(data, predictions), when, { classNames })
        const png = await figurePng(svg, { scale: 1 })
        keep(when === 'before' ? 0 : steps, [{ tag: `fixed images/${when} training`, png }])
      }
      if (run.experiment.validation !== undefined)
        keep(steps, [
          { tag: 'loss/test', scalar: run.metrics.meanLoss },
          { tag: 'accuracy/test', scalar: run.metrics.accuracy },
        ])
      flush()
      await writing
      if (failure !== undefined) throw failure as Error
    },
  }
}
