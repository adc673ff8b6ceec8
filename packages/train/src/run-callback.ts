import type { Model, StateDict } from '@digitlab/models'
import type { Weights } from '@digitlab/models/compute'
import type { Experiment } from './complete-experiment'
import { TrainError } from './train-error'
import type { EpochRecord } from './run-record'

/** A run as a callback sees it. */
export interface CallbackContext {
  readonly experiment: Experiment
  readonly model: Model
  /** On the backend, as they are now: the next step changes them. */
  readonly weights: Weights
  /** The same in the host's memory, in PyTorch's names and layout, to keep. */
  readonly download: () => Promise<StateDict>
  /** Epochs that are done, those before the run was resumed among them. */
  readonly epochs: readonly EpochRecord[]
  /** Ends the run here: it is returned as 'interrupted'. */
  readonly stop: () => void
}

/** What is called during a run, as in Keras and Lightning. The run waits for it, and ends with what it throws. */
export interface RunCallback {
  /** Before the first step, or the first one that is taken after the run was resumed. */
  onTrainBegin?(context: CallbackContext): unknown
  /** After an epoch and its evaluation. */
  onEpochEnd?(context: CallbackContext, record: EpochRecord): unknown
  /** After the last step, stopped or not; not where the run ends with an error. */
  onTrainEnd?(context: CallbackContext): unknown
}

/** When training no longer pays. */
export interface EarlyStoppingOptions {
  /** So many epochs may pass without a better one. */
  readonly patience: number
  /** What it watches: 'testLoss', or 'validationLoss' if images are set aside. */
  readonly monitor?:
    // of every epoch
    | 'trainLoss'
    | 'trainAccuracy'
    | 'testLoss'
    | 'testAccuracy'
    // where images are set aside
    | 'validationLoss'
    | 'validationAccuracy'
}

/**
 * Stops when a number has not improved for some epochs. It looks at the records alone, so that a run that is resumed stops
 * where it would have.
 */
export const earlyStopping = ({ patience, monitor: given }: EarlyStoppingOptions): RunCallback => ({
  onEpochEnd({ epochs, stop }) {
    const monitor = given ?? (epochs.at(-1)?.validationLoss === undefined ? 'testLoss' : 'validationLoss')
    const sign = monitor.endsWith('Loss') ? 1 : -1
    const values = epochs.map((record) => {
      const value = record[monitor]
      if (value === undefined)
        throw new TrainError(`early stopping watches ${monitor}, and an epoch has ${Object.keys(record).join(', ')}`)
      return sign * value
    })
    const best = values.indexOf(Math.min(...values))
    if (values.length - 1 - best >= patience) stop()
  },
})
