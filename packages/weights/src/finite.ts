import type { StateDict } from '@digitlab/models'
import { quoted } from './shown'
import { WeightsError } from './weights-error'

/** Throws a {@link WeightsError} naming the first entry and index that is NaN or infinite. */
export const checkFinite = (weights: StateDict): void => {
  for (const [name, { data }] of weights) {
    const at = data.findIndex((value) => !Number.isFinite(value))
    if (at >= 0)
      throw new WeightsError(
        `expected finite weights, found ${data[at]} at index ${at} of ${quoted(name)}: train again with a smaller learning rate`,
      )
  }
}
