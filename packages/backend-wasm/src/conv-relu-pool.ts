import { kernelNames } from '@digitlab/ops'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { defineKernel } from './kernel'

/** What a call's path and scratch memory depend on. */
interface Shapes {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly inputs: number
  readonly outputs: number
  readonly kernelHeight: number
  readonly kernelWidth: number
}

const shapesOf = (x: TensorInfo, filter: TensorInfo): Shapes => {
  const [batch, height, width, inputs] = x.shape as [number, number, number, number]
  const [kernelHeight, kernelWidth, , outputs] = filter.shape as [number, number, number, number]
  return { batch, height, width, inputs, outputs, kernelHeight, kernelWidth }
}

const isThreeByThree = ({ kernelHeight, kernelWidth }: Shapes) => kernelHeight === 3 && kernelWidth === 3

/** Which of the two ways of `assembly/conv-relu-pool.ts` a layer takes. */
const convReluPoolPath = (shapes: Shapes): 'single' | 'direct' => {
  if (isThreeByThree(shapes) && shapes.inputs === 1 && shapes.outputs % 4 === 0) return 'single'
  return 'direct'
}

/** Which of the two ways of `assembly/conv-relu-pool.ts` a layer's gradient takes. */
const convReluPoolGradPath = (shapes: Shapes, needsInputGradient: boolean): 'single' | 'rows' =>
  convReluPoolPath(shapes) === 'single' && !needsInputGradient ? 'single' : 'rows'

/** Kernel: `assembly/conv-relu-pool.ts`; contract: `convReluPool` of @digitlab/ops. */
export const convReluPool = defineKernel(
  kernelNames.convReluPool,
  ['x', 'filter', 'bias'],
  ({ address, output, scratch, kernels, took }, [x, filter, bias], { padding }: { readonly padding: number }) => {
    const shapes = shapesOf(x, filter)
    const { batch, height, width, inputs, outputs, kernelHeight, kernelWidth } = shapes
    const rows = Math.floor((height + 2 * padding - kernelHeight + 1) / 2)
    const columns = Math.floor((width + 2 * padding - kernelWidth + 1) / 2)
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
    return [y, winners]
  },
)

interface ConvReluPoolGradAttributes {
  readonly padding: number
  readonly needsInputGradient: boolean
}

/** Kernel: `assembly/conv-relu-pool.ts`; contract: `convReluPoolGrad` of @digitlab/ops. */
export const convReluPoolGrad = defineKernel(
  kernelNames.convReluPoolGrad,
  ['dy', 'x', 'filter', 'winners'],
  (
    { address, output, scratch, kernels, took },
    [dy, x, filter, winners],
    { padding, needsInputGradient }: ConvReluPoolGradAttributes,
  ) => {
    const shapes = shapesOf(x, filter)
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
    return dx ? [dFilter, dBias, dx] : [dFilter, dBias]
  },
)
