import { boolean, choice, number } from '@digitlab/models'
import { defineSchedule, type SchedulePlace } from '../schedule-type'
import { counted, notAsLong, totalSteps } from './every'

/** What anneals from one value to another until a step. */
interface Phase {
  readonly until: number
  readonly rate: readonly [from: number, to: number]
  readonly momentum: readonly [from: number, to: number]
}

interface OneCycleOptions {
  readonly maxLearningRate: number
  readonly totalSteps?: number
  readonly pctStart: number
  readonly annealStrategy: 'cos' | 'linear'
  readonly baseMomentum: number
  readonly maxMomentum: number
  readonly divFactor: number
  readonly finalDivFactor: number
  readonly threePhase: boolean
}

/** The phase that a step lies in, and how far in it. */
const phaseAt = ({ options, at, total }: SchedulePlace<OneCycleOptions>): { phase: Phase; share: number } => {
  const { maxLearningRate, pctStart, baseMomentum, maxMomentum, divFactor, finalDivFactor, threePhase } = options
  const length = options.totalSteps ?? total
  const first = maxLearningRate / divFactor
  const least = first / finalDivFactor
  const up: Phase = {
    until: pctStart * length - 1,
    rate: [first, maxLearningRate],
    momentum: [maxMomentum, baseMomentum],
  }
  const phases: readonly Phase[] = threePhase
    ? [
        up,
        {
          until: 2 * pctStart * length - 2,
          rate: [maxLearningRate, first],
          momentum: [baseMomentum, maxMomentum],
        },
        { until: length - 1, rate: [first, least], momentum: [maxMomentum, maxMomentum] },
      ]
    : [up, { until: length - 1, rate: [maxLearningRate, least], momentum: [baseMomentum, maxMomentum] }]
  const found = phases.findIndex(({ until }) => at <= until)
  const index = found < 0 ? phases.length - 1 : found
  const from = phases[index - 1]?.until ?? 0
  const phase = phases[index] as Phase // one of them
  return { phase, share: (at - from) / (phase.until - from) }
}

const annealed = ([from, to]: readonly [number, number], share: number, { annealStrategy }: OneCycleOptions): number =>
  annealStrategy === 'cos' ? to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1) : (to - from) * share + from

/** The option of an optimizer that cycles with the rate. */
const cycled = (optimizer: Readonly<Record<string, unknown>>): 'beta1' | 'momentum' | undefined =>
  'beta1' in optimizer ? 'beta1' : 'momentum' in optimizer ? 'momentum' : undefined

/**
 * Up to a high rate and down to next to none within the run, momentum (or beta1) the other way round, as PyTorch's
 * `torch.optim.lr_scheduler.OneCycleLR`. The optimizer's own learning rate and momentum do not count.
 * Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2017.
 */
export const oneCycle = defineSchedule({
  name: 'oneCycle',
  says: 'up to a high rate and down to next to none, momentum the other way round',
  options: {
    maxLearningRate: number({ from: 0, says: 'the highest rate' }),
    totalSteps: totalSteps('how many epochs or steps the cycle takes'),
    pctStart: number({ from: 0, to: 1, default: 0.3, says: 'the share of the schedule that goes up' }),
    annealStrategy: choice(['cos', 'linear'], { default: 'cos', says: 'the shape of the curve' }),
    cycleMomentum: boolean({ default: true, says: 'whether momentum or beta1 changes too' }),
    baseMomentum: number({ from: 0, below: 1, default: 0.85, says: 'momentum at the highest rate' }),
    maxMomentum: number({ from: 0, below: 1, default: 0.95, says: 'momentum at the lowest' }),
    divFactor: number({ above: 0, default: 25, says: 'the highest rate divided by the first' }),
    finalDivFactor: number({ above: 0, default: 1e4, says: 'the first rate divided by the last' }),
    threePhase: boolean({ default: false, says: 'return to the first rate in a third phase' }),
    every: choice(['epoch', 'step'], { default: 'step', says: 'what is counted' }),
  },
  contradiction: ({ baseMomentum, maxMomentum }) =>
    baseMomentum > maxMomentum
      ? `oneCycle has a baseMomentum of ${baseMomentum} above its maxMomentum of ${maxMomentum}: set it below`
      : undefined,
  misfit: (options, run) =>
    options.cycleMomentum && cycled(run.optimizer.options) === undefined
      ? `oneCycle changes momentum or beta1, and ${run.optimizer.name} has neither: set cycleMomentum to false, or take another optimizer`
      : (notAsLong('oneCycle', options, run) ??
        (run.total < 3 ? `oneCycle takes at least 3, there are ${counted(run.total, options.every)}` : undefined)),
  lasts: ({ totalSteps }) => totalSteps,
  every: ({ every }) => every,
  rate(place) {
    const { phase, share } = phaseAt(place)
    return annealed(phase.rate, share, place.options)
  },
  beside(place, optimizer) {
    const name = place.options.cycleMomentum ? cycled(optimizer) : undefined
    const { phase, share } = phaseAt(place)
    return name ? { [name]: annealed(phase.momentum, share, place.options) } : {}
  },
})
