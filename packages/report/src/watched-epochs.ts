import type { DrawnEpoch, DrawnLoss } from './drawn-run'
import { grouped } from './number-text'

/** An epoch, with what was watched while the run went on. */
export interface WatchedEpoch extends DrawnEpoch {
  readonly loss: DrawnLoss
  readonly accuracy: number
}

/**
 * Epochs with how they did on the images that were set aside for validation, or, where there are none, on the test images.
 *
 * @returns `words`: 'validation images' or 'test images'; `short`: 'validation' or 'test'
 */
export const watchedEpochs = (
  epochs: readonly DrawnEpoch[],
): { readonly words: string; readonly short: string; readonly epochs: readonly WatchedEpoch[] } => {
  const validated = epochs[0]?.validationAccuracy !== undefined
  const short = validated ? 'validation' : 'test'
  return {
    ...{ short, words: `${short} images` },
    epochs: epochs.map((epoch) => ({
      ...epoch,
      loss: (validated ? epoch.validationLoss : epoch.testLoss) ?? NaN,
      accuracy: (validated ? epoch.validationAccuracy : epoch.testAccuracy) ?? NaN,
    })),
  }
}

/** How the test images were used, which decides what their accuracy is worth: a sentence for a report. */
export const selectionSentence = ({
  dataset: { validationCount, testCount },
  keptEpoch,
}: {
  readonly dataset: { readonly validationCount?: number; readonly testCount: number }
  readonly keptEpoch?: number
}): string =>
  validationCount === undefined
    ? `The ${grouped(testCount)} test images were looked at after every epoch.`
    : `${grouped(validationCount)} training images were set aside and looked at after every epoch${keptEpoch === undefined ? '' : `, which chose the weights of epoch ${keptEpoch}`}; the ${grouped(testCount)} test images were looked at once, at the end.`
