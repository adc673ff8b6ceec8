// What a run's figures are drawn from, beside its numbers: the same for the command's reports and for a page.
import { bytesOfImage, type Dataset } from '@digitlab/data'
import { defineModel, firstLayerWeights, unknownLayerTypes, type StateDict } from '@digitlab/models'
import { firstFeatureMaps } from '@digitlab/models/compute'
import { augmentedSample, type AugmentedSample } from './augmented-images'
import type { Run } from './run-record'

/** What figures are drawn from. */
export interface FigureSources {
  /** Training images as the first epoch saw them, where it saw them changed. */
  readonly augmented?: AugmentedSample
  /** The weights of a first layer that sees the image itself. */
  readonly firstLayer?: NonNullable<ReturnType<typeof firstLayerWeights>>
  /** What a first convolution makes of the test image at the index `image`, [height, width, filters]. */
  readonly featureMaps?: { readonly image: number } & NonNullable<ReturnType<typeof firstFeatureMaps>>
  /** Sentences about what cannot be drawn and why. */
  readonly missing: readonly string[]
}

/** Feature maps are computed by plain loops: of larger images that would take longer than they are worth. */
const mostPixels = 256 * 256

/**
 * What the figures of a run are drawn from.
 *
 * @param weights those at its end
 * @param data its data set, if it is available; see {@link isDataOf}
 * @throws ModelError if the weights are not those of the run's model
 */
export const figureSources = (
  { experiment, model: { definition } }: Pick<Run, 'experiment' | 'model'>,
  weights: StateDict,
  data?: Dataset,
): FigureSources => {
  const augmented = data && augmentedSample(experiment, data)
  const unknown = unknownLayerTypes(definition)
  if (unknown.length > 0) {
    const types = `${unknown.length === 1 ? 'the type' : 'the types'} ${unknown.join(', ')}`
    return {
      ...(augmented ? { augmented } : {}),
      missing: [`no pictures of the first layer: the model has layers of ${types}, not known here`],
    }
  }
  const model = defineModel(definition)
  const firstLayer = firstLayerWeights(model, weights)
  const maps =
    data && data.imageShape[0] * data.imageShape[1] <= mostPixels
      ? firstFeatureMaps(
          model,
          weights,
          data.test.images.subarray(0, bytesOfImage(data.imageShape)),
          experiment.normalize,
        )
      : undefined
  return {
    ...(augmented ? { augmented } : {}),
    ...(firstLayer ? { firstLayer } : {}),
    ...(maps ? { featureMaps: { image: 0, ...maps } } : {}),
    missing: [],
  }
}
