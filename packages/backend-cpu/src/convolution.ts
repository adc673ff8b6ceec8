// Loop bounds are the sizes that tfjs computes: each `!` on an array is in range.
import type { WindowSizes } from '@digitlab/ops/backend'
import { util } from '@tensorflow/tfjs-core'
import { defineKernel } from './kernel'
import { finishing } from './mat-mul'
import { addProduct, asFloat64, scratch } from './matrix-product'

/**
 * Goes through the patches of one image: [positions, taps] <-> the image. Tap (kr, kc, channel) of position (r, c) is pixel
 * (r stride + kr dilation - top, c stride + kc dilation - left), or nothing outside the image.
 */
const eachPatch = (
  info: WindowSizes,
  image: number,
  visit: (from: number, patch: number, channels: number) => void,
) => {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = info
  const { top, left } = info.padInfo
  let patch = 0
  for (let r = 0; r < outHeight; r++)
    for (let c = 0; c < outWidth; c++)
      for (let kr = 0; kr < filterHeight; kr++) {
        const row = r * strideHeight + kr * dilationHeight - top
        for (let kc = 0; kc < filterWidth; kc++, patch += inChannels) {
          const column = c * strideWidth + kc * dilationWidth - left
          if (row < 0 || row >= inHeight || column < 0 || column >= inWidth) continue
          visit(((image * inHeight + row) * inWidth + column) * inChannels, patch, inChannels)
        }
      }
}

const sizes = (info: WindowSizes) => ({
  positions: info.outHeight * info.outWidth,
  taps: info.filterHeight * info.filterWidth * info.inChannels,
})

/** The patches of one image as a matrix [positions, taps]. */
const patchesOf = (info: WindowSizes, x: Float32Array, image: number): Float64Array => {
  const { positions, taps } = sizes(info)
  const patches = scratch('convolution patches', positions * taps).fill(0)
  eachPatch(info, image, (from, patch, channels) => {
    for (let i = 0; i < channels; i++) patches[patch + i] = x[from + i]!
  })
  return patches
}

/** y = patches filter, image by image. */
const convolve = (info: WindowSizes, x: Float32Array, filter: Float32Array): Float32Array => {
  const { positions, taps } = sizes(info)
  const matrix = scratch('convolution filter', taps * info.outChannels)
  matrix.set(filter)
  const sums = scratch('convolution sums', positions * info.outChannels)
  const y = new Float32Array(util.sizeFromShape(info.outShape))
  for (let image = 0; image < info.batchSize; image++) {
    sums.fill(0)
    addProduct(patchesOf(info, x, image), matrix, sums, positions, taps, info.outChannels)
    y.set(sums, image * sums.length)
  }
  return y
}

/** tfjs's `Conv2D`, NHWC. */
export const conv2d = defineKernel('Conv2D', ({ values, output }, { x, filter }, _, info) => ({
  y: output(info.outShape, convolve(info, values(x), values(filter))),
}))

/** tfjs's `FusedConv2D`, NHWC, without activation or with ReLU. */
export const fusedConv2d = defineKernel('FusedConv2D', (memory, inputs, { activation }, info) => {
  const { x, filter } = inputs
  const finish = finishing(memory, activation, inputs, info.outChannels)
  const { values, output } = memory
  return finish && { y: output(info.outShape, finish(convolve(info, values(x), values(filter)))) }
})

/** tfjs's `Conv2DBackpropFilter`: dFilter = patches^T dy, summed over the images. */
export const conv2dBackpropFilter = defineKernel(
  'Conv2DBackpropFilter',
  ({ values, output }, { x, dy }, { filterShape }, info) => {
    const { positions, taps } = sizes(info)
    const sums = scratch('convolution filter', taps * info.outChannels).fill(0)
    const gradient = scratch('convolution sums', positions * info.outChannels)
    const turned = scratch('convolution turned', taps * positions)
    for (let image = 0; image < info.batchSize; image++) {
      asFloat64(patchesOf(info, values(x), image), 0, taps, positions, true, turned)
      asFloat64(values(dy), image * gradient.length, positions, info.outChannels, false, gradient)
      addProduct(turned, gradient, sums, taps, positions, info.outChannels)
    }
    return { dFilter: output(filterShape, new Float32Array(sums)) }
  },
)

/** tfjs's `Conv2DBackpropInput`: the patches of dx are dy filter^T, added up where they overlap. */
export const conv2dBackpropInput = defineKernel(
  'Conv2DBackpropInput',
  ({ values, output }, { dy, filter }, { inputShape }, info) => {
    const { positions, taps } = sizes(info)
    const turned = scratch('convolution filter', taps * info.outChannels)
    asFloat64(values(filter), 0, info.outChannels, taps, true, turned)
    const gradient = scratch('convolution sums', positions * info.outChannels)
    const patches = scratch('convolution patches', positions * taps)
    const dx = scratch('convolution dx', util.sizeFromShape(inputShape)).fill(0)
    for (let image = 0; image < info.batchSize; image++) {
      asFloat64(values(dy), image * gradient.length, positions, info.outChannels, false, gradient)
      patches.fill(0)
      addProduct(gradient, turned, patches, positions, info.outChannels, taps)
      eachPatch(info, image, (to, patch, channels) => {
        for (let i = 0; i < channels; i++) dx[to + i]! += patches[patch + i]!
      })
    }
    return { dx: output(inputShape, new Float32Array(dx)) }
  },
)
