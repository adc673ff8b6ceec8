import { integer, list, number } from '@digitlab/models'
import { defineSchedule } from '../schedule-type'
import { every } from './every'

/** Multiplied by `gamma` at each of some epochs (or steps), as PyTorch's `torch.optim.lr_scheduler.MultiStepLR`; twice at one that is named twice. */
export const multiStep = defineSchedule({
  name: 'multiStep',
  says: 'multiplied by gamma after each of some numbers of epochs or steps',
  options: {
    milestones: list(integer({ from: 1 }), {
      atLeast: 1,
      says: 'after how many the rate changes, for instance [30, 60]',
    }),
    gamma: number({ from: 0, default: 0.1, says: 'what it is multiplied by' }),
    every,
  },
  every: ({ every }) => every,
  rate: ({ options: { milestones, gamma }, at, previous }) =>
    previous * gamma ** milestones.filter((milestone) => milestone === at).length,
})
