// What is kept for each weight between steps, by name: what a checkpoint holds beside the weights.
import type { Model, Parameter } from '@digitlab/models'
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

/** What is averaged: all that is trained, and where the experiment says so the buffers, but for what they count. */
export const averagedEntries = (
  { parameters, buffers }: Pick<Model, 'parameters' | 'buffers'>,
  { averageWeights }: Pick<Experiment, 'averageWeights'>,
): readonly Parameter[] =>
  averageWeights?.buffers ? [...parameters, ...buffers.filter(({ dtype }) => dtype === undefined)] : parameters

/** The model's arrays that something is kept for, by what is kept. */
export const keptEntries = (
  model: Pick<Model, 'parameters' | 'buffers'>,
  experiment: Pick<Experiment, 'averageWeights'>,
  kept: string,
): readonly Parameter[] => (kept === averageName ? averagedEntries(model, experiment) : model.parameters)
