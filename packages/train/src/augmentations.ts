import { affine } from './augmentations/affine'
import { cutout } from './augmentations/cutout'
import { elastic } from './augmentations/elastic'
import { mixup } from './augmentations/mixup'

/** The augmentations that every experiment may have. `runExperiment` takes more. */
export const augmentationTypes = [affine, elastic, cutout, mixup] as const
