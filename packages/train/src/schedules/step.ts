import { choice, integer, number } from '@digitlab/models'
import { defineSchedule } from '../schedule-type'

/** Multiplied by `gamma` after every `size` epochs (or steps), one time after the other, as PyTorch's `torch.optim.lr_scheduler.StepLR`. */
export const step = defineSchedule({
  name: 'step',
  says: 'multiplied by gamma after every size epochs or steps',
  options: {
    size: integer({ from: 1, says: 'after how many the rate changes' }),
    gamma: number({ from: 0, default: 0.1, says: 'what it is multiplied by' }),
    every: choice(['epoch', 'step'], { default: 'epoch', says: 'what is counted' }),
  },
  every: ({ every }) => every,
  rate({ options: { size, gamma }, base, at }) {
    let rate = base
    for (let done = size; done <= at; done += size) rate *= gamma // a power would round otherwise
    return rate
  },
})
