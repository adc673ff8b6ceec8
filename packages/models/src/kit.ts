// What the layers compute with: handed to them by @digitlab/models/compute, so that their files need no TensorFlow.js.
import type * as operations from '@digitlab/ops'

/** What a layer computes with on the current backend. */
export interface Kit {
  /** The training operations of @digitlab/ops: a backend's own kernels, or their references. */
  readonly ops: Pick<
    typeof operations,
    | 'activate'
    | 'activateGrad'
    | 'averagePool'
    | 'averagePoolGrad'
    | 'batchNorm'
    | 'batchNormGrad'
    | 'convolution'
    | 'convolutionGrad'
    | 'convReluPool'
    | 'convReluPoolGrad'
    | 'dense'
    | 'denseGrad'
    | 'dropout'
    | 'maxPool'
    | 'maxPoolGrad'
    | 'rectify'
    | 'rectifyGrad'
  >
  /** TensorFlow.js's own operations, as `tf.tanh(x)`. */
  readonly tf: operations.TensorOperations
}

/** What a layer computes with in float64, by plain loops. */
export type Kit64 = typeof operations.float64

/** A float64 array with its shape, in row-major order. */
export interface Array64 {
  readonly shape: readonly number[]
  readonly data: Float64Array
}
