import type { DenseSizes } from '@digitlab/ops/backend'
import { rectified, rectifiedGrad } from './activation'
import { filterGradient, forward, inputGradient, type Sizes } from './convolution'
import { filled } from './elementwise'
import { defineKernel } from './kernel'
import { usesTensorCores } from './mat-mul'

/** The most outputs that a thread of `denseNarrow` keeps sums of. */
const narrowOutputs = 16

/** Which of the two ways of `cuda/dense.cu` a layer takes. */
const densePath = (outputs: number): 'narrow' | 'wide' => (outputs <= narrowOutputs ? 'narrow' : 'wide')

/** A layer of so many weights is a convolution of images of one pixel: `cuda/convolution.cu` divides its sums over blocks. */
const manyWeights = 2 ** 17
/** With so many inputs its outputs are too few blocks of `denseWide`. */
const manyInputs = 2048

/** A dense layer as a convolution. */
const asConvolution = ({ batch, inputs, outputs }: DenseSizes): Sizes => ({
  ...{ batch, height: 1, width: 1, inputs, rows: 1, columns: 1, outputs, groups: 1 },
  ...{ kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: [0, 0] },
})

const tiles = (...sizes: readonly number[]) => sizes.reduce((product, size) => product * Math.ceil(size / 32), 1)

/** Kernel: `cuda/dense.cu`; contract: `dense` of @digitlab/ops. */
export const dense = defineKernel('DigitlabDense', (tensors, { x, weight, bias }, { activation }, sizes) => {
  const { batch, inputs, outputs } = sizes
  if (inputs >= manyInputs && inputs * outputs >= manyWeights) {
    const z = forward(tensors, { x, filter: weight, bias }, asConvolution(sizes))
    const flat = { ...z, shape: [batch, outputs] }
    if (activation !== 'relu') return { y: flat }
    const y = rectified(tensors, flat)
    tensors.disposeData(z.dataId)
    return { y }
  }
  const y = tensors.output([batch, outputs], 'float32')
  const added = bias ?? filled(tensors, [outputs], 'float32', 0)
  const addresses = [x, weight, added, y].map((tensor) => tensors.address(tensor))
  const relu = Number(activation === 'relu')
  if (densePath(outputs) === 'narrow')
    tensors.device.launch({
      kernel: 'denseNarrow',
      blocks: [batch],
      threads: 256,
      arguments: [...addresses, inputs, outputs, relu],
    })
  else
    tensors.device.launch({
      kernel: usesTensorCores(tensors) ? 'denseWideTensor' : 'denseWide',
      blocks: [Math.ceil(batch / 4), Math.ceil(outputs / 32)],
      threads: 256,
      arguments: [...addresses, batch, inputs, outputs, relu],
    })
  if (!bias) tensors.disposeData(added.dataId)
  return { y }
})

/** Kernel: `cuda/dense.cu`; contract: `denseGrad` of @digitlab/ops. */
export const denseGrad = defineKernel(
  'DigitlabDenseGrad',
  (tensors, { dy, x, weight, y }, { activation, needsInputGradient }, sizes) => {
    const { batch, inputs, outputs } = sizes
    const dWeight = tensors.output([inputs, outputs], 'float32')
    const dBias = tensors.output([outputs], 'float32')
    if (inputs * outputs >= manyWeights) {
      const dz = activation === 'relu' ? rectifiedGrad(tensors, dy, y) : dy
      filterGradient(tensors, { x, dy: dz }, { dFilter: dWeight, dBias }, asConvolution(sizes))
      const made = needsInputGradient
        ? inputGradient(tensors, { dy: dz, filter: weight }, asConvolution(sizes))
        : undefined
      if (dz !== dy) tensors.disposeData(dz.dataId)
      return { dWeight, dBias, dx: made && { ...made, shape: x.shape } }
    }
    const dx = needsInputGradient ? tensors.output(x.shape, 'float32') : undefined
    const addresses = [dy, x, weight, y, dWeight, dBias].map((tensor) => tensors.address(tensor))
    const blocks = tiles(inputs, outputs) + Math.ceil(outputs / 8) + (dx ? tiles(batch, inputs) : 0)
    tensors.device.launch({
      kernel: usesTensorCores(tensors) && densePath(outputs) === 'wide' ? 'denseGradTensor' : 'denseGrad',
      blocks: [blocks],
      threads: 256,
      arguments: [
        ...addresses,
        dx ? tensors.address(dx) : 0,
        ...[batch, inputs, outputs, Number(activation === 'relu')],
      ],
    })
    return { dWeight, dBias, dx }
  },
)
