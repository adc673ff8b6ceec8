import { duration, grouped, percent } from '@digitlab/report'
import type { Progress } from '@digitlab/train'
import { epochScore } from '@digitlab/train/run'
import { bar, fitted } from './fitted'
import { drawLive, liveWidth, note, warn } from './output'

/** How often the live line is drawn anew, in milliseconds. */
const interval = 100

/** Characters of the bar where there is plenty of room, and where there is little. */
const bars = { wide: 20, narrow: 8 } as const

/**
 * Tells on standard error the progress of a run: a line with a bar that is drawn over while an epoch lasts (in a terminal only), and a
 * line that stays for each epoch.
 *
 * @param label what is trained: 'cnn on wasm'
 * @param logEvery prints the loss every so many steps, as the case study does; 0 for never
 * @param validates whether images were set aside, which are then what is looked at after each epoch
 */
export const progressLine = (
  label: string,
  epochs: number,
  logEvery: number,
  validates = false,
): ((progress: Progress) => void) => {
  let drawn = 0
  return (progress) => {
    const now = performance.now()
    switch (progress.type) {
      case 'started':
        return
      case 'notice':
        return warn(`${label}  ${progress.sentence}`)
      case 'step': {
        const { epoch, step, stepsPerEpoch, loss, imagesPerSecond, secondsLeft } = progress
        if (logEvery > 0 && step % logEvery === 0)
          note(`${label}  epoch ${epoch}/${epochs}  step ${step}/${stepsPerEpoch}  loss ${loss.toFixed(4)}`)
        if (now - drawn < interval && step < stepsPerEpoch) return
        drawn = now
        const width = liveWidth()
        const count = `${String(step).padStart(String(stepsPerEpoch).length)}/${stepsPerEpoch}`
        return drawLive(
          fitted(
            [
              { spans: [label], spare: 3 },
              { spans: [`epoch ${epoch}/${epochs}`] },
              { spans: [count], spare: 4 },
              { spans: bar(step / stepsPerEpoch, width < 72 ? bars.narrow : bars.wide), spare: 1 },
              { spans: [`loss ${loss.toFixed(4)}`] },
              { spans: [`${grouped(imagesPerSecond)} images/s`], spare: 5 },
              { spans: [`${duration(secondsLeft)} left`], spare: 2 },
            ],
            width,
          ),
        )
      }
      case 'evaluating':
        return drawLive(
          fitted(
            [
              { spans: [label], spare: 0 },
              { spans: [`epoch ${progress.epoch}/${epochs}`] },
              { spans: [`evaluating the ${validates ? 'validation' : 'test'} images ...`] },
            ],
            liveWidth(),
          ),
        )
      case 'epoch': {
        const { epoch, trainLoss, trainSeconds } = progress.record
        const { on, accuracy } = epochScore(progress.record)
        return note(
          `${label}  epoch ${epoch}/${epochs}  loss ${trainLoss.toFixed(4)}  ${on} accuracy `,
          { style: 'bold', text: percent(accuracy) },
          `  ${duration(trainSeconds)}`,
        )
      }
    }
  }
}
