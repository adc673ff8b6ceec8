import { crossEntropy } from './losses/cross-entropy'

/** The losses that every experiment may have; the first is the default. `runExperiment` takes more. */
export const lossTypes = [crossEntropy] as const
