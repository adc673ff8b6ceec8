import type { ConvReluPoolSizes as Shapes } from '@digitlab/ops/backend'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { filterGradient, forward, inputGradient, type Sizes } from './convolution'
import type { CudaTensors } from './cuda-tensors'
import { blocksFor, defineKernel, elementThreads, sizeOf, struct } from './kernel'

/** The struct `Pooled` of `cuda/conv-relu-pool.cu`. */
const pooled = (s: Shapes): ArrayBuffer =>
  struct(
    ...[s.batch, s.height, s.width, s.inputs, s.outputs, s.kernelHeight, s.kernelWidth, s.padding],
    ...[s.rows, s.columns],
  )

/** Shared memory that every GPU gives a block without being asked, in bytes. */
const sharedMemory = 48 * 1024

const isThreeByThree = ({ kernelHeight, kernelWidth }: Shapes) => kernelHeight === 3 && kernelWidth === 3

/** Bytes of the four lines of x that a row of windows needs. */
const linesBytes = ({ columns, inputs }: Shapes) => 4 * 4 * (2 * columns + 2) * inputs

/** Whether a layer takes the kernels that convolve and pool at once; others go by way of the whole convolution. */
const isFused = (shapes: Shapes): boolean => linesBytes(shapes) <= sharedMemory && gradPlan(shapes, true) !== undefined

/** The convolution of what is pooled: a rest that fills no window is left out. */
const convolved = ({
  batch,
  height,
  width,
  inputs,
  outputs,
  kernelHeight,
  kernelWidth,
  padding,
  rows,
  columns,
}: Shapes): Sizes => ({
  ...{ batch, height, width, inputs, outputs, rows: 2 * rows, columns: 2 * columns, groups: 1 },
  ...{ kernel: [kernelHeight, kernelWidth], stride: [1, 1], dilation: [1, 1], padding: [padding, padding] },
})

/** Whichever way a layer takes, its winners are not chosen by rounded sums. */
const inFloat32 = true

/** Kernels: `cuda/conv-relu-pool.cu`; contract: `convReluPool` of @digitlab/ops. */
export const convReluPool = defineKernel('DigitlabConvReluPool', (tensors, { x, filter, bias }, _, shapes) => {
  const { batch, rows, columns, outputs } = shapes
  const y = tensors.output([batch, rows, columns, outputs], 'float32')
  const winners = tensors.output(y.shape, 'int32')
  const addresses = (...of: readonly TensorInfo[]) => of.map((tensor) => tensors.address(tensor))
  if (isFused(shapes)) {
    tensors.device.launch({
      kernel: 'convReluPool3',
      blocks: [batch, rows],
      threads: 256,
      shared: linesBytes(shapes),
      arguments: [...addresses(x, filter, bias, y, winners), pooled(shapes)],
    })
    return { y, winners }
  }
  const whole = forward(tensors, { x, filter }, convolved(shapes), inFloat32)
  tensors.device.launch({
    kernel: 'poolWinners',
    blocks: blocksFor(sizeOf(y)),
    threads: elementThreads,
    arguments: [...addresses(whole, bias, y, winners), pooled(shapes)],
  })
  tensors.disposeData(whole.dataId)
  return { y, winners }
})

/** Threads of a block of `convReluPoolGrad3`. */
const gradThreads = 512
/**
 * Blocks that share the windows of a batch, at most: enough for every processor of the largest GPUs. A number of its own and not
 * the GPU's, so that sums are added in the same order everywhere.
 */
const mostParts = 128

/** How the launch of `convReluPoolGrad3` is divided; undefined where the sizes do not fit it. */
export const gradPlan = (shapes: Shapes, needsInputGradient: boolean) => {
  const { batch, height, width, inputs, outputs, rows, columns } = shapes
  if (!isThreeByThree(shapes) || inputs > gradThreads || (needsInputGradient && outputs % 4 !== 0)) return undefined
  const lineGap = 8
  const filterBytes = (group: number) => 4 * ((2 * group + 2) * ((2 * columns + 2) * inputs + lineGap) + gradThreads)
  const inputBytes = (band: number) =>
    4 * ((band + 2) * (4 * Math.ceil(width / 4) + 2) * outputs + 9 * inputs * outputs)
  // Half an image at a time, or less where that is too much for a block's shared memory.
  const fitting = (size: number, bytes: (part: number) => number) => {
    for (let part = Math.ceil(size / 2); part >= 1; part--) if (bytes(part) <= sharedMemory) return part
    return 0
  }
  const group = fitting(rows, filterBytes)
  const band = needsInputGradient ? fitting(height, inputBytes) : 0
  if (group === 0 || (needsInputGradient && band === 0)) return undefined
  const parts = Math.min(mostParts, batch * Math.ceil(rows / group))
  return {
    parts,
    group,
    band,
    blocks: parts + (band === 0 ? 0 : batch * Math.ceil(height / band)),
    shared: Math.max(filterBytes(group), band === 0 ? 0 : inputBytes(band)),
  }
}

/** Kernel: `cuda/conv-relu-pool.cu`; contract: `convReluPoolGrad` of @digitlab/ops. */
export const convReluPoolGrad = defineKernel(
  'DigitlabConvReluPoolGrad',
  (tensors, { dy, x, filter, winners }, { needsInputGradient }, shapes) => {
    const dFilter = tensors.output(filter.shape, 'float32')
    const dBias = tensors.output([shapes.outputs], 'float32')
    const plan = isFused(shapes) ? gradPlan(shapes, needsInputGradient) : undefined
    if (plan) {
      const dx = needsInputGradient ? tensors.output(x.shape, 'float32') : undefined
      inTiles(tensors, { dy, x, filter, winners, dFilter, dBias, dx }, shapes, plan)
      return { dFilter, dBias, dx }
    }
    const sizes = convolved(shapes)
    const whole = tensors.output([sizes.batch, sizes.rows, sizes.columns, sizes.outputs], 'float32')
    tensors.device.launch({
      kernel: 'unpoolWinners',
      blocks: blocksFor(sizeOf(dy)),
      threads: elementThreads,
      arguments: [...[dy, winners, whole].map((tensor) => tensors.address(tensor)), pooled(shapes)],
    })
    filterGradient(tensors, { x, dy: whole }, { dFilter, dBias }, sizes, inFloat32)
    const dx = needsInputGradient ? inputGradient(tensors, { dy: whole, filter }, sizes, inFloat32) : undefined
    tensors.disposeData(whole.dataId)
    return { dFilter, dBias, dx }
  },
)

interface GradTensors {
  readonly dy: TensorInfo
  readonly x: TensorInfo
  readonly filter: TensorInfo
  readonly winners: TensorInfo
  readonly dFilter: TensorInfo
  readonly dBias: TensorInfo
  readonly dx: TensorInfo | undefined
}

const inTiles = (
  tensors: CudaTensors,
  { dy, x, filter, winners, dFilter, dBias, dx }: GradTensors,
  shapes: Shapes,
  { parts, group, band, blocks, shared }: NonNullable<ReturnType<typeof gradPlan>>,
): void => {
  const filterSize = sizeOf(filter)
  const partials = tensors.output([parts, filterSize + shapes.outputs], 'float32')
  tensors.device.launch({
    kernel: 'convReluPoolGrad3',
    blocks: [blocks],
    threads: gradThreads,
    shared,
    arguments: [
      ...[dy, x, filter, winners, partials].map((tensor) => tensors.address(tensor)),
      dx ? tensors.address(dx) : 0,
      pooled(shapes),
      struct(parts, group, band),
    ],
  })
  tensors.device.launch({
    kernel: 'sumParts',
    blocks: [Math.ceil((filterSize + shapes.outputs) / 32)],
    threads: 256,
    arguments: [...[partials, dFilter, dBias].map((t) => tensors.address(t)), parts, filterSize, shapes.outputs],
  })
  tensors.disposeData(partials.dataId)
}
