import { defineKernel } from './kernel'

/** Outputs up to which ten dot products side by side are faster than sums of rows. Found by timing 8 to 40 outputs. */
const narrowest = 24

/** Which of the two ways of `assembly/dense.ts` a layer takes. */
const densePath = (outputs: number): 'narrow' | 'wide' => (outputs <= narrowest ? 'narrow' : 'wide')

/** Kernel: `assembly/dense.ts`; contract: `dense` of @digitlab/ops. */
export const dense = defineKernel(
  'DigitlabDense',
  (instance, { x, weight, bias }, { activation }, { batch, inputs, outputs }) => {
    const { address, output, scratch, kernels, memory, took, vary } = instance
    const y = output([batch, outputs], 'float32')
    const path = densePath(outputs)
    took(`dense ${path}`)
    const compute = path === 'narrow' ? kernels.denseNarrow : kernels.denseWide
    const bytes = Math.ceil(kernels.denseScratch(batch, inputs, outputs) / 16) * 16
    const room = scratch(bytes + (bias ? 0 : 4 * outputs))
    // Without a bias, zeros: behind what the kernel itself needs.
    if (!bias) vary(() => new Float32Array(memory.buffer, room + bytes, outputs).fill(0), { start: 0, step: 0 })
    const added = bias ? address(bias) : room + bytes
    const relu = Number(activation === 'relu')
    compute(address(x), address(weight), added, address(y), batch, inputs, outputs, relu, room)
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
