// Which epoch is the best, and when training does not pay any more: both follow from what the epochs told, so that a run that is resumed
// ends as it would have.
import type { Experiment } from './complete-experiment'
import { monitorOf } from './experiment-options'
import { measured, moreIsBetter, type Monitored } from './monitor'

/** The best epoch by what the experiment watches, from 1, the first of several; 0 if there is none yet. */
export const bestEpoch = (experiment: Experiment, epochs: readonly Monitored[]): number =>
  1 + improved(epochs, monitorOf(experiment), 0).lastIndexOf(true)

/** Whether each epoch was better than the best before it, by more than `minDelta`. */
const improved = (epochs: readonly Monitored[], monitor: ReturnType<typeof monitorOf>, minDelta: number): boolean[] => {
  const sign = moreIsBetter(monitor) ? -1 : 1
  let best = Infinity
  return epochs.map((epoch) => {
    const value = sign * measured(epoch, monitor)
    const better = value < best - minDelta
    if (better) best = value
    return better
  })
}

/** Why a run ends here, as a sentence; undefined if it goes on. */
export const reasonToStop = (experiment: Experiment, epochs: readonly Monitored[]): string | undefined => {
  const { earlyStopping } = experiment
  if (!earlyStopping || epochs.length === 0) return undefined
  const { patience, monitor, minDelta } = earlyStopping
  const best = 1 + improved(epochs, monitor, minDelta).lastIndexOf(true)
  const since = epochs.length - best
  if (since < patience) return undefined
  const value = best > 0 ? `, when it was ${shown(measured(epochs[best - 1] as Monitored, monitor))}` : ''
  return `${monitor} has not become better since epoch ${best}${value}: stopped after ${epochs.length} of ${experiment.epochs} epochs`
}

const shown = (value: number): string => String(Number(value.toPrecision(4)))
