import { choice, integer, number } from '@digitlab/models'
import { measured, monitor, moreIsBetter, unmonitored } from '../monitor'
import { defineSchedule } from '../schedule-type'

/**
 * Multiplied by `factor` where something stopped getting better, as PyTorch's `torch.optim.lr_scheduler.ReduceLROnPlateau`. It follows
 * from what the epochs told, so that it is the same wherever a run is resumed.
 */
export const plateau = defineSchedule({
  name: 'plateau',
  says: 'multiplied by factor where something stopped getting better',
  options: {
    monitor: monitor({ default: 'validationLoss', says: 'what is watched' }),
    factor: number({ from: 0, below: 1, default: 0.1, says: 'what the rate is multiplied by' }),
    patience: integer({ from: 0, default: 10, says: 'epochs without improvement to wait' }),
    threshold: number({ from: 0, default: 1e-4, says: 'the least change that counts as an improvement' }),
    thresholdMode: choice(['rel', 'abs'], {
      default: 'rel',
      says: 'whether the threshold is relative or absolute',
    }),
    cooldown: integer({ from: 0, default: 0, says: 'epochs to wait after a change' }),
    minLearningRate: number({ from: 0, default: 0, says: 'the rate is never below' }),
    epsilon: number({ from: 0, default: 1e-8, says: 'skip changes smaller than this' }),
    every: choice(['epoch', 'step'], { default: 'epoch', says: 'what is counted: epochs, nothing else' }),
  },
  contradiction: ({ every }) =>
    every === 'epoch'
      ? undefined
      : `plateau watches what an epoch's end tells, and every is "${every}": set it to "epoch"`,
  misfit: ({ monitor }, { validates, listed }) =>
    listed
      ? 'plateau can be no part of a list of schedules: it does not know when it is over'
      : unmonitored('the schedule plateau', monitor, validates),
  every: () => 'epoch',
  rate({ options, base, at, history }) {
    const { monitor, factor, patience, threshold, thresholdMode, cooldown, minLearningRate, epsilon } = options
    const more = moreIsBetter(monitor)
    const isBetter = (value: number, best: number) => {
      if (thresholdMode === 'abs') return more ? value > best + threshold : value < best - threshold
      return more ? value > best * (threshold + 1) : value < best * (1 - threshold)
    }
    let [rate, best, bad, cooling] = [base, more ? -Infinity : Infinity, 0, 0]
    for (const epoch of history.slice(0, at)) {
      const value = measured(epoch, monitor)
      if (isBetter(value, best)) [best, bad] = [value, 0]
      else bad++
      if (cooling > 0) [cooling, bad] = [cooling - 1, 0]
      if (bad <= patience) continue
      const lower = Math.max(rate * factor, minLearningRate)
      if (rate - lower > epsilon) rate = lower
      ;[cooling, bad] = [cooldown, 0]
    }
    return rate
  },
})
