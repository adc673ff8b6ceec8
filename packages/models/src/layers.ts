import { avgPool2d } from './layers/avg-pool2d'
import { batchNorm } from './layers/batch-norm'
import { conv2d } from './layers/conv2d'
import { dense } from './layers/dense'
import { dropout } from './layers/dropout'
import { elu } from './layers/elu'
import { flatten } from './layers/flatten'
import { gelu } from './layers/gelu'
import { globalAvgPool2d } from './layers/global-avg-pool2d'
import { leakyRelu } from './layers/leaky-relu'
import { maxPool2d } from './layers/max-pool2d'
import { relu } from './layers/relu'
import { residual } from './layers/residual'
import { sigmoid } from './layers/sigmoid'
import { silu } from './layers/silu'
import { softplus } from './layers/softplus'
import { tanh } from './layers/tanh'
import type { GivenOptions, OptionTable } from './options'

/** The types of layer that every model may have. `defineModel` takes more. */
export const layerTypes = [
  ...([conv2d, dense, flatten, batchNorm, dropout, residual] as const),
  ...([maxPool2d, avgPool2d, globalAvgPool2d] as const),
  ...([relu, leakyRelu, elu, gelu, silu, softplus, sigmoid, tanh] as const),
] as const

type Given<T> = T extends { readonly type: infer N; readonly options: infer O extends OptionTable }
  ? { readonly type: N } & GivenOptions<O>
  : never

/** A layer of a type that this package has. */
export type KnownLayer = Given<(typeof layerTypes)[number]>
