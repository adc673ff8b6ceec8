// TensorFlow.js's operations as an object: what a layer or an optimizer that imports nothing is handed. Those that a reference path
// needs; naming them here rather than the whole namespace keeps a page's bundle small.
import {
  abs,
  add,
  avgPool,
  cast,
  clipByValue,
  concat,
  cos,
  div,
  elu,
  equal,
  engine,
  erf,
  exp,
  expm1,
  expandDims,
  fill,
  floor,
  greater,
  greaterEqual,
  leakyRelu,
  less,
  lessEqual,
  log,
  log1p,
  logicalAnd,
  logicalNot,
  logicalOr,
  matMul,
  max,
  maximum,
  mean,
  min,
  minimum,
  mul,
  neg,
  oneHot,
  ones,
  onesLike,
  pad,
  pow,
  prod,
  reciprocal,
  relu,
  reshape,
  reverse,
  round,
  rsqrt,
  scalar,
  sigmoid,
  sign,
  sin,
  slice,
  softmax,
  softplus,
  split,
  sqrt,
  square,
  squeeze,
  stack,
  sub,
  sum,
  tanh,
  tensor,
  tidy,
  tile,
  transpose,
  where,
  zeros,
  zerosLike,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import type * as tfjs from '@tensorflow/tfjs-core'

/** As tfjs has the size and the strides of windows. */
type Window = number | [number, number]

const avgPoolGrad = (dy: Tensor4D, x: Tensor4D, filterSize: Window, strides: Window): Tensor4D =>
  engine().runKernel('AvgPoolGrad', { dy, input: x }, { filterSize, strides, pad: 'valid' })

const operations = {
  ...{ abs, add, avgPool, avgPoolGrad, cast, clipByValue, concat, cos, div, elu, equal, erf, exp, expandDims },
  ...{ expm1, fill, floor, greater, greaterEqual, leakyRelu, less, lessEqual, log, log1p, logicalAnd },
  ...{ logicalNot, logicalOr, matMul, max, maximum, mean, min, minimum, mul, neg, oneHot, ones, onesLike, pad, pow },
  ...{ prod, reciprocal, relu, reshape, reverse, round, rsqrt, scalar, sigmoid, sign, sin, slice, softmax },
  ...{ softplus, split, sqrt, square, squeeze, stack, sub, sum, tanh, tensor, tidy, tile, transpose, where },
  ...{ zeros, zerosLike },
} as const

/** What tfjs keeps to its tape and a way back needs all the same. */
export interface TensorGradients {
  /**
   * The gradient of `avgPool(x, filterSize, strides, 'valid')`: each value of a window gets its share of dy.
   *
   * @param dy [batch, outHeight, outWidth, channels]
   * @param x [batch, height, width, channels]
   */
  readonly avgPoolGrad: (dy: Tensor4D, x: Tensor4D, filterSize: Window, strides: Window) => Tensor4D
}

/** Those of TensorFlow.js's operations that layers and optimizers need, by their names there. */
export type TensorOperations = Pick<typeof tfjs, Exclude<keyof typeof operations, keyof TensorGradients>> &
  TensorGradients

/** TensorFlow.js's own operations, as `tf.tanh(x)`: what a layer or an optimizer from elsewhere computes with. */
export const tensorOperations: TensorOperations = operations
