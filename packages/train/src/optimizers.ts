import { adadelta } from './optimizers/adadelta'
import { adagrad } from './optimizers/adagrad'
import { adam } from './optimizers/adam'
import { adamw } from './optimizers/adamw'
import { nadam } from './optimizers/nadam'
import { rmsprop } from './optimizers/rmsprop'
import { sgd } from './optimizers/sgd'

/** The optimizers that every experiment may have; the first is the default. `runExperiment` takes more. */
export const optimizerTypes = [sgd, adam, adamw, nadam, rmsprop, adagrad, adadelta] as const
