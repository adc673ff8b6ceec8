import { appendFile, mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Dataset } from '@digitlab/data'
import { tensorboardEvent, tensorboardHeader, type TensorboardValue } from '@digitlab/report'
import type { Progress, RunResult } from '@digitlab/train'
import { predictionsOf } from './report-input'
import { freshPath } from './run-folder'
import { UsageError } from './usage-error'

interface TensorboardLog {
  /** Hands every event on, and keeps what TensorBoard draws. */
  following(next: (progress: Progress) => void): (progress: Progress) => void
  /** Writes what is still kept, and the grids of the fixed images. */
  end(result: RunResult, data: Dataset): Promise<void>
}

/** How long events are kept before they are written, in milliseconds: TensorBoard looks every few seconds. */
const interval = 1000

/**
 * Writes the event file of a run, in a folder of its own, while it trains: the loss of every step; losses and accuracies
 * after each epoch; at the end the fixed images before and after. Does nothing without a folder.
 *
 * @throws UsageError where the folder can't be written
 */
export const tensorboardLog = async (folder: string | undefined, name: string): Promise<TensorboardLog> => {
  if (folder === undefined) return { following: (next) => next, end: async () => {} }
  const own = freshPath(join(folder, name))
  const file = join(own, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}`)
  const write = async (events: readonly Uint8Array[]) => {
    try {
      await mkdir(own, { recursive: true })
      await appendFile(file, Buffer.concat(events))
    } catch (cause) {
      throw new UsageError(`could not write ${file} (${(cause as Error).message}): name another --tensorboard`, {
        cause,
      })
    }
  }
  await write([tensorboardHeader(Date.now() / 1000)])

  let kept: Uint8Array[] = []
  let written = performance.now()
  let stepsPerEpoch = 0
  // One after the other, in the order of the events; a failure is told at the end, and the training goes on.
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
      keep((progress.epoch - 1) * stepsPerEpoch + progress.step, [{ tag: 'loss/step', scalar: progress.loss }])
    if (progress.type === 'epoch') {
      const { epoch, trainLoss, testLoss, trainAccuracy, testAccuracy } = progress.record
      keep(epoch * stepsPerEpoch, [
        { tag: 'loss/train', scalar: trainLoss },
        { tag: 'loss/test', scalar: testLoss },
        { tag: 'accuracy/train', scalar: trainAccuracy },
        { tag: 'accuracy/test', scalar: testAccuracy },
      ])
    }
    if (progress.type === 'epoch' || performance.now() - written > interval) flush()
  }

  return {
    following: (next) => (progress) => {
      next(progress)
      onProgress(progress)
    },
    end: async ({ run, predictions }, data) => {
      const { fixedImagesFigure } = await import('@digitlab/report/figures')
      const { figurePng } = await import('@digitlab/report/node')
      const [height, width] = data.imageShape
      const images = { height, width, pixels: data.test.images }
      const { classNames } = data
      for (const when of ['before', 'after'] as const) {
        const { svg } = fixedImagesFigure(images, predictionsOf(data, predictions), when, { classNames })
        const png = await figurePng(svg, { scale: 1 })
        keep(when === 'before' ? 0 : run.history.stepLosses.length, [{ tag: `fixed images/${when} training`, png }])
      }
      flush()
      await writing
      if (failure !== undefined) throw failure as Error
    },
  }
}
