import { number } from '@digitlab/models'
import { defineSchedule } from '../schedule-type'
import { every } from './every'

/** Multiplied by `gamma` after each epoch (or step), as PyTorch's `torch.optim.lr_scheduler.ExponentialLR`. */
export const exponential = defineSchedule({
  name: 'exponential',
  says: 'multiplied by gamma after each epoch or step',
  options: { gamma: number({ from: 0, says: 'what it is multiplied by' }), every },
  every: ({ every }) => every,
  rate: ({ options: { gamma }, at, previous }) => (at === 0 ? previous : previous * gamma),
})
