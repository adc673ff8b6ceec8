import type { ConvReluPoolSizes } from '@digitlab/ops/backend'
import { defineKernel } from './kernel'

const isThreeByThree = ({ kernelHeight, kernelWidth }: ConvReluPoolSizes) => kernelHeight === 3 && kernelWidth === 3

/** Which of the two ways of `assembly/conv-relu-pool.ts` a layer takes. */
const convReluPoolPath = (shapes: ConvReluPoolSizes): 'single' | 'direct' => {
  if (isThreeByThree(shapes) && shapes.inputs === 1 && shapes.outputs % 4 === 0) return 'single'
  return 'direct'
}

/** Which of the two ways of `assembly/conv-relu-pool.ts` a layer's gradient takes. */
const convReluPoolGradPath = (shapes: ConvReluPoolSizes, needsInputGradient: boolean): 'single' | 'rows' =>
  convReluPoolPath(shapes) === 'single' && !needsInputGradient ? 'single' : 'rows'

/** Kernel: `assembly/conv-relu-pool.ts`; contract: `convReluPool` of @digitlab/ops. */
export const convReluPool = defineKernel(
  'DigitlabConvReluPool',
  ({ address, output, scratch, kernels, took }, { x, filter, bias }, { padding }, shapes) => {
    const { batch, height, width, inputs, outputs, kernelHeight, kernelWidth, rows, columns } = shapes
    const y = output([batch, rows, columns, outputs], 'float32')
    const winners = output(y.shape, 'int32')
    const path = convReluPoolPath(shapes)
    took(`convReluPool ${path}`)
    const tensors = [address(x), address(filter), address(bias), address(y), address(winners)] as const
    if (path === 'single') {
      const room = scratch(kernels.convSingleScratch(height, width, padding))
      kernels.convSingle(...tensors, batch, height, width, outputs, padding, room)
    } else {
      const sizes = [height, width, inputs, outputs, kernelHeight, kernelWidth, padding] as const
      kernels.convDirect(...tensors, batch, ...sizes, scratch(kernels.convDirectScratch(...sizes)))
    }
    return { y, winners }
  },
)

/** Kernel: `assembly/conv-relu-pool.ts`; contract: `convReluPoolGrad` of @digitlab/ops. */
export const convReluPoolGrad = defineKernel(
  'DigitlabConvReluPoolGrad',
  (
    { address, output, scratch, kernels, took },
    { dy, x, filter, winners },
    { padding, needsInputGradient },
    shapes,
  ) => {
    const { batch, height, width, inputs, outputs, kernelHeight, kernelWidth } = shapes
    const dFilter = output(filter.shape, 'float32')
    const dBias = output([outputs], 'float32')
    const dx = needsInputGradient ? output(x.shape, 'float32') : undefined
    const path = convReluPoolGradPath(shapes, needsInputGradient)
    took(`convReluPoolGrad ${path}`)
    if (path === 'single') {
      const tensors = [address(dy), address(x), address(winners), address(dFilter), address(dBias)] as const
      const room = scratch(kernels.convSingleScratch(height, width, padding))
      kernels.convSingleGrad(...tensors, batch, height, width, outputs, padding, room)
    } else {
      const sizes = [height, width, inputs, outputs, kernelHeight, kernelWidth, padding] as const
      kernels.convRowsGrad(
        ...[address(dy), address(x), address(filter), address(winners)],
        ...[address(dFilter), address(dBias), dx ? address(dx) : 0],
        ...[batch, ...sizes, scratch(kernels.convRowsGradScratch(...sizes))],
      )
    }
    return { dFilter, dBias, dx }
  },
)
