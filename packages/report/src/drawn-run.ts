/** In nats; NaN, or null as in JSON, if it was not a number. */
export type DrawnLoss = number | null

/** One epoch, as a report draws it. */
export interface DrawnEpoch {
  /** from 1 */
  readonly epoch: number
  readonly trainLoss: DrawnLoss
  readonly trainAccuracy: number
  /** On images set aside for validation; the test images are then not measured each epoch. */
  readonly validationLoss?: DrawnLoss
  readonly validationAccuracy?: number
  readonly testLoss?: DrawnLoss
  readonly testAccuracy?: number
  readonly trainSeconds: number
}

/** The part of a run.json that a report draws: a `Run` of `@digitlab/train` is one. */
export interface DrawnRun {
  /** The experiment's id. */
  readonly id: string
  readonly status: 'completed' | 'interrupted'
  /** ISO 8601 */
  readonly startedAt: string
  /** Why it stopped before its last epoch on its own. */
  readonly stopped?: string
  /** The epoch whose weights were kept, if the best ones were asked for. */
  readonly keptEpoch?: number
  readonly experiment: {
    readonly seed: number
    readonly epochs: number
    readonly batchSize: number
    readonly optimizer: { readonly name: string; readonly learningRate: number }
    /** How the training images were augmented. */
    readonly augment?: readonly { readonly name: string }[]
  }
  readonly model: { readonly name: string; readonly parameters: number }
  readonly dataset: {
    readonly name: string
    readonly title: string
    readonly origin: string
    readonly notice?: string
    readonly classNames: readonly string[]
    readonly trainCount: number
    readonly validationCount?: number
    readonly testCount: number
    readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[]
  }
  readonly backend: {
    readonly id: string
    readonly device: string
    readonly threads: number
    readonly versions: Readonly<Record<string, string>>
    readonly operations: Readonly<Record<string, string>>
  }
  readonly environment: {
    readonly runtime: string
    readonly platform: string
    readonly processors: number
    readonly versions: Readonly<Record<string, string>>
  }
  readonly history: {
    /** Of every step. */
    readonly stepLosses: readonly DrawnLoss[]
    readonly epochs: readonly DrawnEpoch[]
    /** Of every step, if a schedule changes them. */
    readonly learningRates?: readonly number[]
  }
  readonly metrics: {
    readonly count: number
    readonly correct: number
    readonly accuracy: number
    readonly meanLoss: DrawnLoss
    /** Rows are true classes, columns predicted ones. */
    readonly confusion: readonly (readonly number[])[]
  }
  readonly timing: {
    readonly trainSeconds: number
    readonly evaluationSeconds: number
    readonly secondsPerEpoch: number
    readonly imagesPerSecond: number
  }
}

/** The predictions for the test images, in their order. */
export interface RunPredictions {
  /** True classes, [count]. */
  readonly labels: ArrayLike<number>
  /** Predicted classes with the initial weights, [count]. */
  readonly before: ArrayLike<number>
  /** Predicted classes at the end, [count]. */
  readonly after: ArrayLike<number>
  /** Of every class at the end, [count, classes]. */
  readonly probabilities: ArrayLike<number>
}

/** Images as bytes: [count, height, width], 0 for background, or in colour [count, height, width, 3]. */
export interface DrawnImages {
  /** 3 if they have colours. */
  readonly channels?: 3
  readonly height: number
  readonly width: number
  readonly pixels: Uint8Array
}

/** The weights of the layer that sees the image, in PyTorch's layout. */
export interface FirstLayer {
  /** 'conv1.weight' */
  readonly name: string
  /** Of a dense layer [out, channels x height x width]; of a convolution [out, channels, height, width]. */
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}

/** What the filters of a convolution make of one image. */
export interface FeatureMaps {
  /** Which test image. */
  readonly image: number
  /** [height, width, filters] */
  readonly shape: readonly [height: number, width: number, filters: number]
  readonly data: ArrayLike<number>
}

/** Training images as an epoch sees them. */
export interface AugmentedImages extends DrawnImages {
  /** The class of each, or of the two that are mixed: '7', '7 + 3'. */
  readonly captions: readonly string[]
}

/** All that a report is drawn from. If something is missing, only the figures that need it are left out. */
export interface ReportInput {
  readonly run: DrawnRun
  readonly predictions?: RunPredictions
  /** Every test image, in the order of the predictions. */
  readonly images?: DrawnImages
  /** The first training images as the first epoch saw them, of a run that changed them. */
  readonly augmented?: AugmentedImages
  readonly firstLayer?: FirstLayer
  readonly featureMaps?: FeatureMaps
  /** The command that reproduces the run, shown in the report. */
  readonly again?: string
  /** Sentences about what could not be drawn and why, shown in the report. */
  readonly missing?: readonly string[]
}
