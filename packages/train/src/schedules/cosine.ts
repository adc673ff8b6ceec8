import { boolean, integer, number } from '@digitlab/models'
import { defineSchedule } from '../schedule-type'
import { every, notAsLong, tooLong, totalSteps } from './every'

/**
 * Down half a cosine, as PyTorch's `torch.optim.lr_scheduler.CosineAnnealingLR`; with `restarts` again and again, as its
 * `CosineAnnealingWarmRestarts`. Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
 */
export const cosine = defineSchedule({
  name: 'cosine',
  says: 'down half a cosine, once or with warm restarts',
  options: {
    totalSteps: totalSteps('epochs or steps to the lowest rate, of the first cycle where it restarts'),
    minLearningRate: number({ from: 0, default: 0, says: 'the lowest rate' }),
    restarts: boolean({ optional: true, absent: false, says: 'restart at the highest rate' }),
    restartFactor: integer({
      from: 1,
      optional: true,
      absent: 1,
      says: 'how many times longer each cycle is than the last',
    }),
    every,
  },
  contradiction: ({ restarts = false, restartFactor = 1 }) =>
    restarts || restartFactor === 1
      ? undefined
      : `cosine has a restartFactor of ${restartFactor}, and restarts are ${restarts}: set restarts to true`,
  misfit: (options, run) =>
    options.restarts || run.listed ? tooLong('cosine', options, run) : notAsLong('cosine', options, run),
  lasts: ({ totalSteps, restarts = false }) => (restarts ? undefined : totalSteps),
  every: ({ every }) => every,
  rate({ options, base, at, total, previous }) {
    const { minLearningRate: least, restarts = false, restartFactor = 1 } = options
    const length = options.totalSteps ?? total
    if (restarts) {
      let [current, cycle] = [at, length]
      if (restartFactor === 1) current %= cycle
      else for (; current >= cycle; cycle *= restartFactor) current -= cycle
      return least + ((base - least) * (1 + Math.cos((Math.PI * current) / cycle))) / 2
    }
    if (at === 0) return base
    if ((at - 1 - length) % (2 * length) === 0)
      return previous + ((base - least) * (1 - Math.cos(Math.PI / length))) / 2
    const share = (1 + Math.cos((Math.PI * at) / length)) / (1 + Math.cos((Math.PI * (at - 1)) / length))
    return share * (previous - least) + least
  },
})
