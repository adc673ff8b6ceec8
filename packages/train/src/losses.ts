import { crossEntropy } from './losses/cross-entropy'

/** The losses that every experiment may have; the first where none is named. `runExperiment` takes more. */
export const lossTypes = [crossEntropy] as const
