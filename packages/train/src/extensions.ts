// What a program brings along: passed to whoever reads or runs an experiment, never registered.
import type { LayerType } from '@digitlab/models'
import type { AugmentationType } from './augmentation-type'
import type { LossType } from './loss-type'
import type { MetricType } from './metric-type'
import type { OptimizerType } from './optimizer-type'
import type { ScheduleType } from './schedule-type'

/** Types of layer, optimizers, schedules, losses, augmentations and metrics beside those of this package. */
export interface Extensions {
  readonly layers?: readonly LayerType[]
  readonly optimizers?: readonly OptimizerType[]
  readonly schedules?: readonly ScheduleType[]
  readonly losses?: readonly LossType[]
  /** Where threads prepare the images, they are to be served the same. */
  readonly augmentations?: readonly AugmentationType[]
  /** Computed of the test images after each epoch and at the end. */
  readonly metrics?: readonly MetricType[]
}
