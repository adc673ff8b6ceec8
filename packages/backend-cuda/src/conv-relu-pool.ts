import type { ConvReluPoolSizes as Shapes } from '@digitlab/ops/backend'
import type { TensorInfo } from '@tensorflow/tfjs-core'
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

/** Which of the two ways of `cuda/conv-relu-pool.cu` a layer takes. */
const convReluPoolPath = (shapes: Shapes): 'tile' | 'any' =>
  isThreeByThree(shapes) && linesBytes(shapes) <= sharedMemory ? 'tile' : 'any'

/** Kernel: `cuda/conv-relu-pool.cu`; contract: `convReluPool` of @digitlab/ops. */
export const convReluPool = defineKernel('DigitlabConvReluPool', (tensors, { x, filter, bias }, _, shapes) => {
  const { batch, rows, columns, outputs } = shapes
  const y = tensors.output([batch, rows, columns, outputs], 'float32')
  const winners = tensors.output(y.shape, 'int32')
  const values = [...[x, filter, bias, y, winners].map((tensor) => tensors.address(tensor)), pooled(shapes)]
  if (convReluPoolPath(shapes) === 'tile')
    tensors.device.launch({
      kernel: 'convReluPool3',
      blocks: [batch, rows],
      threads: 256,
      shared: linesBytes(shapes),
      arguments: values,
    })
  else
    tensors.device.launch({
      kernel: 'convReluPoolAny',
      blocks: blocksFor(sizeOf(y)),
      threads: elementThreads,
      arguments: values,
    })
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
    const dx = needsInputGradient ? tensors.output(x.shape, 'float32') : undefined
    const tensorsOfCall = { dy, x, filter, winners, dFilter, dBias, dx }
    const plan = gradPlan(shapes, needsInputGradient)
    if (plan) inTiles(tensors, tensorsOfCall, shapes, plan)
    else oneByOne(tensors, tensorsOfCall, shapes)
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

const oneByOne = (
  tensors: CudaTensors,
  { dy, x, filter, winners, dFilter, dBias, dx }: GradTensors,
  shapes: Shapes,
): void => {
  tensors.device.launch({
    kernel: 'convReluPoolFilterGradAny',
    blocks: [sizeOf(dFilter) + sizeOf(dBias)],
    threads: 256,
    arguments: [...[dy, x, winners, dFilter, dBias].map((tensor) => tensors.address(tensor)), pooled(shapes)],
  })
  if (!dx) return
  tensors.device.launch({
    kernel: 'convReluPoolInputGradAny',
    blocks: blocksFor(sizeOf(dx)),
    threads: elementThreads,
    arguments: [...[dy, filter, winners, dx].map((tensor) => tensors.address(tensor)), pooled(shapes)],
  })
}
