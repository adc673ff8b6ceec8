// What is kept for each weight between steps, by name: what a checkpoint holds beside the weights.
import { optimizerOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { learningRateOf } from './learning-rate'

/** The moving average of the weights among what is kept. */
export const averageName = 'average'

/** The optimizer's options in the first step: a schedule may begin with others than its own. */
const firstOptions = (experiment: Experiment, extensions: Extensions) => ({
  ...optimizerOf(experiment, extensions).options,
  ...learningRateOf(experiment, 1, extensions).options(1),
})

/** The names of what an experiment's optimizer keeps. */
export const optimizerState = (experiment: Experiment, extensions: Extensions): readonly string[] =>
  optimizerOf(experiment, extensions).type.state(firstOptions(experiment, extensions))

/** The names of all that is kept: the optimizer's, and the average of the weights. */
export const momentNames = (experiment: Experiment, extensions: Extensions): readonly string[] => [
  ...optimizerState(experiment, extensions),
  ...(experiment.averageWeights ? [averageName] : []),
]
