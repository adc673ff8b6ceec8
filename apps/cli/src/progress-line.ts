import { epochScore, type Progress } from '@digitlab/train'
import { drawLive, duration, grouped, note, percent } from './output'

/** How often the live line is drawn anew, in milliseconds. */
const interval = 100

/**
 * Tells on standard error how a run goes on: a line that is drawn over while an epoch lasts (in a terminal only), and a
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
        return note(`${label}  ${progress.sentence}`)
      case 'step': {
        const { epoch, step, stepsPerEpoch, loss, imagesPerSecond, secondsLeft } = progress
        if (logEvery > 0 && step % logEvery === 0)
          note(`${label}  epoch ${epoch}/${epochs}  step ${step}/${stepsPerEpoch}  loss ${loss.toFixed(4)}`)
        if (now - drawn < interval && step < stepsPerEpoch) return
        const speed = `${grouped(imagesPerSecond)} images/s  ${duration(secondsLeft)} left`
        drawn = now
        return drawLive(
          `${label}  epoch ${epoch}/${epochs}  ${step}/${stepsPerEpoch}  loss ${loss.toFixed(4)}  ${speed}`,
        )
      }
      case 'evaluating':
        return drawLive(
          `${label}  epoch ${progress.epoch}/${epochs}  looking at the ${validates ? 'validation' : 'test'} images ...`,
        )
      case 'epoch': {
        const { epoch, trainLoss, trainSeconds } = progress.record
        const { on, accuracy } = epochScore(progress.record)
        const result = `loss ${trainLoss.toFixed(4)}  ${on} accuracy ${percent(accuracy)}`
        return note(`${label}  epoch ${epoch}/${epochs}  ${result}  ${duration(trainSeconds)}`)
      }
    }
  }
}
