import { filled } from './elementwise'
import { defineKernel } from './kernel'
import { usesTensorCores } from './mat-mul'

/** The most outputs that a thread of `denseNarrow` keeps sums of. */
const narrowOutputs = 16

/** Which of the two ways of `cuda/dense.cu` a layer takes. */
const densePath = (outputs: number): 'narrow' | 'wide' => (outputs <= narrowOutputs ? 'narrow' : 'wide')

const tiles = (...sizes: readonly number[]) => sizes.reduce((product, size) => product * Math.ceil(size / 32), 1)

/** Kernel: `cuda/dense.cu`; contract: `dense` of @digitlab/ops. */
export const dense = defineKernel(
  'DigitlabDense',
  (tensors, { x, weight, bias }, { activation }, { batch, inputs, outputs }) => {
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
  },
)

/** Kernel: `cuda/dense.cu`; contract: `denseGrad` of @digitlab/ops. */
export const denseGrad = defineKernel(
  'DigitlabDenseGrad',
  (tensors, { dy, x, weight, y }, { activation, needsInputGradient }, { batch, inputs, outputs }) => {
    const dWeight = tensors.output([inputs, outputs], 'float32')
    const dBias = tensors.output([outputs], 'float32')
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
