import { integer, number } from '@digitlab/models'
import { defineSchedule } from '../schedule-type'
import { every } from './every'

/** Multiplied by `gamma` after every `stepSize` epochs (or steps), one time after the other, as PyTorch's `torch.optim.lr_scheduler.StepLR`. */
export const step = defineSchedule({
  name: 'step',
  says: 'multiplied by gamma after every stepSize epochs or steps',
  options: {
    stepSize: integer({ from: 1, says: 'after how many the rate changes' }),
    gamma: number({ from: 0, default: 0.1, says: 'what it is multiplied by' }),
    every,
  },
  every: ({ every }) => every,
  rate: ({ options: { stepSize, gamma }, at, previous }) =>
    at === 0 || at % stepSize !== 0 ? previous : previous * gamma,
})
