import { avgPool2d } from './layers/avg-pool2d'
import { conv2d } from './layers/conv2d'
import { dense } from './layers/dense'
import { flatten } from './layers/flatten'
import { maxPool2d } from './layers/max-pool2d'
import { relu } from './layers/relu'
import type { GivenOptions, OptionTable } from './options'

/** The types of layer that every model may have. `defineModel` takes more. */
export const layerTypes = [conv2d, dense, relu, maxPool2d, avgPool2d, flatten] as const

type Given<T> = T extends { readonly type: infer N; readonly options: infer O extends OptionTable }
  ? { readonly type: N } & GivenOptions<O>
  : never

/** A layer of a type that this package has. */
export type KnownLayer = Given<(typeof layerTypes)[number]>
