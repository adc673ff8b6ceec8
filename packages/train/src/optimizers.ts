import { adam } from './optimizers/adam'
import { sgd } from './optimizers/sgd'

/** The optimizers that every experiment may have; the first where none is named. `runExperiment` takes more. */
export const optimizerTypes = [sgd, adam] as const
