import { number } from '@digitlab/models'
import { defineSchedule } from '../schedule-type'
import { every, tooLong, totalSteps } from './every'

/** From one share of the rate to another in even steps, and on with that, as PyTorch's `torch.optim.lr_scheduler.LinearLR`. */
export const linear = defineSchedule({
  name: 'linear',
  says: 'from one share of the rate to another, in even steps',
  options: {
    startFactor: number({ above: 0, to: 1, default: 1 / 3, says: 'the share of the rate at the start' }),
    endFactor: number({ from: 0, to: 1, default: 1, says: 'the share of the rate at the end' }),
    totalSteps: totalSteps('how many epochs or steps that takes'),
    every,
  },
  misfit: (options, run) => tooLong('linear', options, run),
  lasts: ({ totalSteps }) => totalSteps,
  every: ({ every }) => every,
  rate({ options: { startFactor, endFactor, totalSteps }, at, total, previous }) {
    const length = totalSteps ?? total
    if (at === 0) return previous * startFactor
    if (at > length) return previous
    return previous * (1 + (endFactor - startFactor) / (length * startFactor + (at - 1) * (endFactor - startFactor)))
  },
})
