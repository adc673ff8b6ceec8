// Kernel: `cuda/gather.cu`.
import { backend_util, util, type DataType } from '@tensorflow/tfjs-core'
import { typeNumber } from './cuda-tensors'
import { blocksFor, defineTfjsKernel, elementThreads, expectFit, expectType, sizeOf } from './kernel'

/** tfjs's `GatherV2`; an index out of range gives 0. */
export const gather = defineTfjsKernel(
  'GatherV2',
  ['x', 'indices'],
  (tensors, [x, indices], { axis, batchDims }: { readonly axis: number; readonly batchDims: number }) => {
    expectType('GatherV2', indices, 'int32')
    const [along = 0] = util.parseAxisParam(axis, x.shape)
    const info = backend_util.segment_util.collectGatherOpShapeInfo(x, indices, along, batchDims)
    const out = tensors.output(info.outputShape, x.dtype)
    const count = sizeOf(indices) / Math.max(1, info.batchSize)
    tensors.device.launch({
      kernel: 'gather',
      blocks: blocksFor(sizeOf(out)),
      threads: elementThreads,
      arguments: [
        ...[x, indices, out].map((tensor) => tensors.address(tensor)),
        ...[sizeOf(out), info.outerSize, info.dimSize, count, info.sliceSize, typeNumber(x.dtype)],
      ],
    })
    return out
  },
)

/** tfjs's `UnsortedSegmentSum`: the gradient of a gather. */
export const segmentSum = defineTfjsKernel(
  'UnsortedSegmentSum',
  ['x', 'segmentIds'],
  (tensors, [x, segmentIds], { numSegments }: { readonly numSegments: number }) => {
    expectType('UnsortedSegmentSum', segmentIds, 'int32')
    const prefix = x.shape.slice(0, segmentIds.shape.length)
    expectFit('UnsortedSegmentSum', util.arraysEqual(prefix, segmentIds.shape), x.shape, segmentIds.shape)
    const count = sizeOf(segmentIds)
    const inner = sizeOf(x) / Math.max(1, count)
    const out = tensors.output([numSegments, ...x.shape.slice(segmentIds.shape.length)], x.dtype)
    tensors.device.launch({
      kernel: 'segmentSum',
      blocks: blocksFor(sizeOf(out)),
      threads: elementThreads,
      arguments: [
        ...[x, segmentIds, out].map((tensor) => tensors.address(tensor)),
        ...[sizeOf(out), count, inner, typeNumber(x.dtype)],
      ],
    })
    return out
  },
)

interface OneHotAttributes {
  readonly depth: number
  readonly onValue: number
  readonly offValue: number
  readonly dtype?: DataType
}

/** tfjs's `OneHot`. */
export const oneHot = defineTfjsKernel(
  'OneHot',
  ['indices'],
  (tensors, [indices], { depth, onValue, offValue, dtype = 'int32' }: OneHotAttributes) => {
    expectType('OneHot', indices, 'int32')
    const out = tensors.output([...indices.shape, depth], dtype)
    const size = sizeOf(out)
    tensors.device.launch({
      kernel: 'oneHot',
      blocks: blocksFor(size),
      threads: elementThreads,
      arguments: [tensors.address(indices), tensors.address(out), size, depth, typeNumber(dtype), onValue, offValue],
    })
    return out
  },
)
