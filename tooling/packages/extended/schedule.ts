// The learning rate falls in a line to a share of itself.
import { number } from '@digitlab/models'
import { defineSchedule } from '@digitlab/train'

export const falling = defineSchedule({
  name: 'falling',
  options: { to: number({ from: 0, to: 1, default: 0.1 }) },
  every: () => 'step',
  rate: ({ base, at, total, options: { to } }) => base * (1 - (1 - to) * (at / total)),
})
