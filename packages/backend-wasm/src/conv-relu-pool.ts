import type { ConvReluPoolSizes } from '@digitlab/ops/backend'
import { defineKernel } from './kernel'

const isThreeByThree = ({ kernelHeight, kernelWidth }: ConvReluPoolSizes) => kernelHeight === 3 && kernelWidth === 3

/** Which of the ways of `assembly/conv-relu-pool.ts` and `assembly/conv-relu-pool-sparse.ts` a layer takes. */
const convReluPoolPath = (shapes: ConvReluPoolSizes): 'single' | 'sparse' | 'direct' => {
  if (isThreeByThree(shapes) && shapes.inputs === 1 && shapes.outputs % 4 === 0) return 'single'
  if (shapes.inputs % 4 === 0 && shapes.outputs % 32 === 0) return 'sparse'
  return 'direct'
}

/** Which of the two ways of `assembly/conv-relu-pool.ts` a layer's gradient takes. */
const convReluPoolGradPath = (shapes: ConvReluPoolSizes, needsInputGradient: boolean): 'single' | 'rows' =>
  convReluPoolPath(shapes) === 'single' && !needsInputGradient ? 'single' : 'rows'

/** Images from which on windows of plain background are worth computing ahead. */
const worthAhead = 8

/** Kernel: `assembly/conv-relu-pool.ts`; contract: `convReluPool` of @digitlab/ops. */
export const convReluPool = defineKernel(
  'DigitlabConvReluPool',
  ({ address, output, scratch, kernels, share, took }, { x, filter, bias }, { padding }, shapes) => {
    const { batch, height, width, inputs, outputs, kernelHeight, kernelWidth, rows, columns } = shapes
    const y = output([batch, rows, columns, outputs], 'float32')
    const winners = output(y.shape, 'int32')
    const path = convReluPoolPath(shapes)
    took(`convReluPool ${path}`)
    if (path === 'single') {
      const tensors = [address(x), address(filter), address(bias), address(y), address(winners)] as const
      const room = kernels.convSingleRoom(height, width, padding)
      share('convSingle', { items: batch, room, uneven: 2 }, ...tensors, height, width, outputs, padding)
      return { y, winners }
    }
    const sizes = [height, width, inputs, outputs, kernelHeight, kernelWidth, padding] as const
    if (path === 'sparse') {
      const tensors = [address(x), address(filter), address(bias), address(y), address(winners)] as const
      const room = kernels.convSparseRoom(...sizes)
      const places = (2 * padding + 1) ** 2 // at which each range computes plain background; an image has hundreds of candidates
      share('convSparse', { items: batch, room, uneven: Math.ceil(places / 16) }, ...tensors, ...sizes)
      return { y, winners }
    }
    const room = kernels.convDirectRoom(...sizes)
    const common = scratch(kernels.convDirectScratch(...sizes))
    const taps = kernelHeight * kernelWidth * inputs
    const plain = common + 4 * (taps + 1) * 8 * Math.ceil(outputs / 8)
    const ahead = batch >= worthAhead && inputs % 4 === 0
    const filters = [address(filter), address(bias), taps, outputs, common] as const
    share('convDirectFilters', { items: taps, grain: 16, waits: !ahead }, ...filters)
    if (ahead) {
      kernels.convDirectPlain(address(x), height, width, inputs, padding, plain)
      share('convDirectPlainRows', { items: rows, room }, common, ...sizes)
    }
    const tensors = [address(x), common, address(y), address(winners), Number(ahead)] as const
    share('convDirect', { items: batch, room, uneven: 1 }, ...tensors, ...sizes)
    return { y, winners }
  },
)

/** Kernel: `assembly/conv-relu-pool.ts`; contract: `convReluPoolGrad` of @digitlab/ops. */
export const convReluPoolGrad = defineKernel(
  'DigitlabConvReluPoolGrad',
  (
    { address, output, scratch, kernels, share, took },
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
    const sums = [address(dFilter), address(dBias), batch] as const
    if (path === 'single') {
      const room = kernels.convSingleGradRoom(height, width, outputs, padding)
      const tensors = [address(dy), address(x), address(winners), ...sums] as const
      share('convSingleGrad', { items: outputs, grain: 4, room }, ...tensors, height, width, outputs, padding)
      return { dFilter, dBias, dx }
    }
    const sizes = [height, width, inputs, outputs, kernelHeight, kernelWidth, padding] as const
    const room = kernels.convRowsGradRoom(...sizes) // of both: a range may be in one while another is in the other
    const laidOut = [inputs, outputs, kernelHeight, kernelWidth] as const
    const filters = dx ? scratch(kernels.convRowsFilterBytes(...laidOut)) : 0
    if (dx) share('convRowsFilters', { items: outputs }, address(filter), ...laidOut, filters)
    const tensors = [address(dy), address(x), address(winners), ...sums] as const
    share('convRowsFilterGrad', { items: outputs, room, waits: !dx }, ...tensors, ...sizes)
    if (dx)
      share(
        'convRowsInputGrad',
        { items: batch, room, uneven: 1 },
        address(dy),
        filters,
        address(winners),
        address(dx),
        ...sizes,
      )
    return { dFilter, dBias, dx }
  },
)
