import type { Progress } from '@digitlab/train'
import { duration, grouped, note, percent } from './output'

/** How often the live line is drawn anew, in milliseconds. */
const interval = 100

/**
 * Tells on standard error how a run goes on: a line that is drawn over while an epoch lasts (in a terminal only), and a
 * line that stays for each epoch.
 *
 * @param label what is trained: 'cnn on wasm'
 * @param logEvery prints the loss every so many steps, as the case study does; 0 for never
 */
export const progressLine = (label: string, epochs: number, logEvery: number): ((progress: Progress) => void) => {
  const live = process.stderr.isTTY
  let drawn = 0
  const clear = () => {
    if (live && drawn > 0) process.stderr.write('\r\u001b[2K')
    drawn = 0
  }
  const draw = (line: string, at: number) => {
    if (!live) return
    process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`)
    drawn = at
  }
  return (progress) => {
    const now = performance.now()
    switch (progress.type) {
      case 'started':
        return
      case 'notice':
        clear()
        return note(`${label}  ${progress.sentence}`)
      case 'step': {
        const { epoch, step, stepsPerEpoch, loss, imagesPerSecond, secondsLeft } = progress
        if (logEvery > 0 && step % logEvery === 0) {
          clear()
          note(`${label}  epoch ${epoch}/${epochs}  step ${step}/${stepsPerEpoch}  loss ${loss.toFixed(4)}`)
        }
        if (now - drawn < interval && step < stepsPerEpoch) return
        const speed = `${grouped(imagesPerSecond)} images/s  ${duration(secondsLeft)} left`
        return draw(
          `${label}  epoch ${epoch}/${epochs}  ${step}/${stepsPerEpoch}  loss ${loss.toFixed(4)}  ${speed}`,
          now,
        )
      }
      case 'evaluating':
        return draw(`${label}  epoch ${progress.epoch}/${epochs}  looking at the test images ...`, now)
      case 'epoch': {
        const { epoch, trainLoss, testAccuracy, trainSeconds } = progress.record
        clear()
        const result = `loss ${trainLoss.toFixed(4)}  test accuracy ${percent(testAccuracy)}`
        return note(`${label}  epoch ${epoch}/${epochs}  ${result}  ${duration(trainSeconds)}`)
      }
    }
  }
}
