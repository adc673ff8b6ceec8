import { defineKernel } from './kernel'

/** Outputs up to which ten dot products side by side are faster than sums of rows. Found by timing 8 to 40 outputs. */
const narrowest = 24

/** Which of the two ways of `assembly/dense.ts` a layer takes. */
const densePath = (outputs: number): 'narrow' | 'wide' => (outputs <= narrowest ? 'narrow' : 'wide')

/** Kernel: `assembly/dense.ts`; contract: `dense` of @digitlab/ops. */
export const dense = defineKernel(
  'DigitlabDense',
  (instance, { x, weight, bias }, { activation }, { batch, inputs, outputs }) => {
    const { address, output, scratch, kernels, took } = instance
    const y = output([batch, outputs], 'float32')
    const added = bias ?? output([outputs], 'float32')
    if (!bias) instance.clear(added)
    const path = densePath(outputs)
    took(`dense ${path}`)
    const compute = path === 'narrow' ? kernels.denseNarrow : kernels.denseWide
    const room = scratch(kernels.denseScratch(batch, inputs, outputs))
    const relu = Number(activation === 'relu')
    compute(address(x), address(weight), address(added), address(y), batch, inputs, outputs, relu, room)
    if (!bias) instance.backend.disposeData(added.dataId)
    return { y }
  },
)

/** Kernel: `assembly/dense.ts`; contract: `denseGrad` of @digitlab/ops. */
export const denseGrad = defineKernel(
  'DigitlabDenseGrad',
  (
    { address, output, scratch, kernels, took },
    { dy, x, weight, y },
    { activation, needsInputGradient },
    { batch, inputs, outputs },
  ) => {
    const dWeight = output([inputs, outputs], 'float32')
    const dBias = output([outputs], 'float32')
    const dx = needsInputGradient ? output(x.shape, 'float32') : undefined
    const path = densePath(outputs)
    took(`denseGrad ${path}`)
    kernels.denseGrad(
      ...[address(dy), address(x), address(weight), address(y)],
      ...[address(dWeight), address(dBias), dx ? address(dx) : 0],
      ...[batch, inputs, outputs, Number(activation === 'relu'), Number(path === 'narrow')],
      scratch(kernels.denseScratch(batch, inputs, outputs)),
    )
    return { dWeight, dBias, dx }
  },
)
