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

/**
 * The gradient of `avgPool(x, size, strides, 0, 'floor')`, which tfjs keeps to its tape: each value of a window gets its share of dy.
 *
 * @param dy [batch, outHeight, outWidth, channels]
 * @param x [batch, height, width, channels]
 */
const avgPoolGrad = (dy: Tensor4D, x: Tensor4D, filterSize: number, strides: number): Tensor4D =>
  engine().runKernel('AvgPoolGrad', { dy, input: x }, { filterSize, strides, pad: 0, dimRoundingMode: 'floor' })

/** TensorFlow.js's own operations, as `tf.tanh(x)`: what a layer or an optimizer from elsewhere computes with. */
export const tensorOperations = {
  ...{ abs, add, avgPool, avgPoolGrad, cast, clipByValue, concat, cos, div, elu, equal, erf, exp, expandDims },
  ...{ expm1, fill, floor, greater, greaterEqual, leakyRelu, less, lessEqual, log, log1p, logicalAnd },
  ...{ logicalNot, logicalOr, matMul, max, maximum, mean, min, minimum, mul, neg, ones, onesLike, pad, pow },
  ...{ prod, reciprocal, relu, reshape, reverse, round, rsqrt, scalar, sigmoid, sign, sin, slice, softmax },
  ...{ softplus, split, sqrt, square, squeeze, stack, sub, sum, tanh, tensor, tidy, tile, transpose, where },
  ...{ zeros, zerosLike },
} as const

/** The type of {@link tensorOperations}. */
export type TensorOperations = typeof tensorOperations
