// Kernels that only move elements, or only give them another shape. Kernel: `cuda/strided.cu`.
import { BackendError } from '@digitlab/backends'
import { OpsError } from '@digitlab/ops/backend'
import { backend_util, slice_util, util, type TensorInfo } from '@tensorflow/tfjs-core'
import { bytesOf, type CudaTensors } from './cuda-tensors'
import { cast, filled } from './elementwise'
import { blocksFor, defineTfjsKernel, elementThreads, expectFit, sizeOf, type Kernel } from './kernel'

/** An axis of the dense array: its size, and how far a step in it lies in the other one. */
interface Axis {
  readonly size: number
  readonly step: number
}

const mostAxes = 8

/** The struct `Strided`; neighbouring axes that lie behind each other count once. */
const strided = (axes: readonly Axis[]): ArrayBuffer => {
  const joined: Axis[] = []
  for (const axis of axes) {
    if (axis.size === 1) continue
    const last = joined.at(-1)
    if (last && last.step === axis.step * axis.size)
      joined[joined.length - 1] = { size: last.size * axis.size, step: axis.step }
    else joined.push(axis)
  }
  if (joined.length > mostAxes)
    throw new BackendError(`the cuda backend moves elements over at most ${mostAxes} axes, not ${joined.length}`)
  const fields = new Int32Array(1 + 2 * mostAxes)
  fields[0] = joined.length
  for (const [i, { size, step }] of joined.entries()) {
    fields[1 + i] = size
    fields[1 + mostAxes + i] = step
  }
  return fields.buffer
}

/** How far a step in each axis of a dense array lies. */
const stepsOf = (shape: readonly number[]): number[] => {
  const steps = new Array<number>(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--) steps[axis] = (steps[axis + 1] ?? 1) * (shape[axis + 1] ?? 1)
  return steps
}

const move = (
  tensors: CudaTensors,
  kernel: 'stridedRead' | 'stridedWrite',
  from: TensorInfo,
  to: TensorInfo,
  offset: number,
  axes: readonly Axis[],
): void => {
  const size = axes.reduce((product, axis) => product * axis.size, 1)
  tensors.device.launch({
    kernel,
    blocks: blocksFor(size),
    threads: elementThreads,
    arguments: [tensors.address(from), tensors.address(to), size, offset, bytesOf(from.dtype), strided(axes)],
  })
}

/** A new dense tensor, read from x with steps. */
const readStrided = (
  tensors: CudaTensors,
  x: TensorInfo,
  shape: readonly number[],
  offset: number,
  axes: readonly Axis[],
): TensorInfo => {
  const out = tensors.output(shape, x.dtype)
  move(tensors, 'stridedRead', x, out, offset, axes)
  return out
}

const isPermutation = (axes: readonly number[], rank: number): boolean =>
  axes.length === rank &&
  util.arraysEqual(
    [...axes].sort((a, b) => a - b),
    [...axes.keys()],
  )

/** The axes of a permutation of x. */
export const transposed = (tensors: CudaTensors, x: TensorInfo, permutation: readonly number[]): TensorInfo => {
  expectFit('Transpose', isPermutation(permutation, x.shape.length), x.shape, permutation)
  const steps = stepsOf(x.shape)
  const axes = permutation.map((axis) => ({ size: x.shape[axis] ?? 1, step: steps[axis] ?? 1 }))
  const shape = axes.map(({ size }) => size)
  return readStrided(tensors, x, shape, 0, axes)
}

/** x repeated over the axes in which it has one element, or none. */
export const broadcastTo = (tensors: CudaTensors, x: TensorInfo, shape: readonly number[]): TensorInfo => {
  const before = shape.length - x.shape.length
  const fits = x.shape.every((size, axis) => size === 1 || size === shape[before + axis])
  expectFit('BroadcastTo', before >= 0 && fits, x.shape, shape)
  const steps = stepsOf(x.shape)
  const axes = shape.map((size, axis) => ({
    size,
    step: axis < before || x.shape[axis - before] === 1 ? 0 : (steps[axis - before] ?? 1),
  }))
  return readStrided(tensors, x, shape, 0, axes)
}

/** The first of x along each axis, as many as a shape has; x itself under another name where that is all. */
export const beginningOf = (tensors: CudaTensors, x: TensorInfo, shape: readonly number[]): TensorInfo =>
  util.arraysEqual(x.shape, [...shape])
    ? tensors.alias(x, x.shape, x.dtype)
    : slice(tensors, x, new Array<number>(shape.length).fill(0), shape)

const slice = (tensors: CudaTensors, x: TensorInfo, begin: readonly number[], size: readonly number[]): TensorInfo => {
  const steps = stepsOf(x.shape)
  const offset = begin.reduce((total, start, axis) => total + start * (steps[axis] ?? 1), 0)
  return readStrided(
    tensors,
    x,
    size,
    offset,
    size.map((length, axis) => ({ size: length, step: steps[axis] ?? 1 })),
  )
}

/** Writes x into a part of a larger tensor. */
const paste = (tensors: CudaTensors, x: TensorInfo, target: TensorInfo, begin: readonly number[]): void => {
  const steps = stepsOf(target.shape)
  const offset = begin.reduce((total, start, axis) => total + start * (steps[axis] ?? 1), 0)
  move(
    tensors,
    'stridedWrite',
    x,
    target,
    offset,
    x.shape.map((size, axis) => ({ size, step: steps[axis] ?? 1 })),
  )
}

const concatenated = (tensors: CudaTensors, parts: readonly TensorInfo[], axis: number): TensorInfo => {
  const [first] = parts as [TensorInfo]
  backend_util.assertParamsConsistent(
    parts.map(({ shape }) => shape),
    axis,
  )
  const shape = [...first.shape]
  shape[axis] = parts.reduce((total, part) => total + (part.shape[axis] ?? 0), 0)
  const out = tensors.output(shape, first.dtype)
  let start = 0
  for (const part of parts) {
    const taken = cast(tensors, part, first.dtype)
    paste(
      tensors,
      taken,
      out,
      shape.map((_, i) => (i === axis ? start : 0)),
    )
    tensors.disposeData(taken.dataId)
    start += part.shape[axis] ?? 0
  }
  return out
}

const identity = defineTfjsKernel('Identity', ['x'], (tensors, [x]) => tensors.alias(x, x.shape, x.dtype))

const reshape = defineTfjsKernel('Reshape', ['x'], (tensors, [x], { shape }: { readonly shape: number[] }) =>
  reshaped(tensors, x, util.inferFromImplicitShape(shape, sizeOf(x))),
)

const reshaped = (tensors: CudaTensors, x: TensorInfo, shape: number[]): TensorInfo => {
  expectFit('Reshape', util.sizeFromShape(shape) === sizeOf(x), x.shape, shape)
  return tensors.alias(x, shape, x.dtype)
}

const expandDims = defineTfjsKernel('ExpandDims', ['input'], (tensors, [x], { dim }: { readonly dim: number }) => {
  const along = dim < 0 ? x.shape.length + dim + 1 : dim
  expectFit('ExpandDims', along >= 0 && along <= x.shape.length, x.shape, [dim])
  const shape = [...x.shape]
  shape.splice(along, 0, 1)
  return tensors.alias(x, shape, x.dtype)
})

const transpose = defineTfjsKernel('Transpose', ['x'], (tensors, [x], { perm }: { readonly perm: number[] }) =>
  transposed(tensors, x, perm),
)

const sliceKernel = defineTfjsKernel(
  'Slice',
  ['x'],
  (tensors, [x], attributes: { readonly begin: number | number[]; readonly size: number | number[] }) => {
    // Typed as arrays that may be undefined; both are there.
    const [begin = [], size = []] = slice_util.parseSliceParams(x, attributes.begin, attributes.size)
    slice_util.assertParamsValid(x, begin, size)
    return slice(tensors, x, begin, size)
  },
)

interface StridedSliceAttributes {
  readonly begin: number[]
  readonly end: number[]
  readonly strides: number[]
  readonly beginMask: number
  readonly endMask: number
  readonly ellipsisMask: number
  readonly newAxisMask: number
  readonly shrinkAxisMask: number
}

const stridedSlice = defineTfjsKernel('StridedSlice', ['x'], (tensors, [x], a: StridedSliceAttributes) => {
  const info = slice_util.sliceInfo(
    ...[x.shape, a.begin, a.end, a.strides, a.beginMask, a.endMask, a.ellipsisMask, a.newAxisMask, a.shrinkAxisMask],
  )
  const steps = stepsOf(x.shape)
  const offset = info.begin.reduce((total, start, axis) => total + start * (steps[axis] ?? 1), 0)
  const sizes = slice_util.computeOutShape(info.begin, info.end, info.strides)
  const axes = sizes.map((size, axis) => ({ size, step: (steps[axis] ?? 1) * (info.strides[axis] ?? 1) }))
  return readStrided(tensors, x, info.finalShape, offset, axes)
})

const isCount = (value: number) => Number.isInteger(value) && value >= 0

const tile = defineTfjsKernel('Tile', ['x'], (tensors, [x], { reps }: { readonly reps: number[] }) => {
  expectFit('Tile', reps.length === x.shape.length && reps.every(isCount), x.shape, reps)
  const steps = stepsOf(x.shape)
  const axes = x.shape.flatMap((size, axis) => [
    { size: reps[axis] ?? 1, step: 0 },
    { size, step: steps[axis] ?? 1 },
  ])
  return readStrided(
    tensors,
    x,
    x.shape.map((size, axis) => size * (reps[axis] ?? 1)),
    0,
    axes,
  )
})

const reverse = defineTfjsKernel('Reverse', ['x'], (tensors, [x], { dims }: { readonly dims: number | number[] }) => {
  const reversed = new Set(util.parseAxisParam(dims, x.shape))
  const steps = stepsOf(x.shape)
  const axes = x.shape.map((size, axis) => ({ size, step: (reversed.has(axis) ? -1 : 1) * (steps[axis] ?? 1) }))
  const offset = axes.reduce((total, { size, step }) => total + (step < 0 ? -step * (size - 1) : 0), 0)
  return readStrided(tensors, x, x.shape, offset, axes)
})

const broadcast = defineTfjsKernel('BroadcastTo', ['x'], (tensors, [x], { shape }: { readonly shape: number[] }) =>
  broadcastTo(tensors, x, shape),
)

const pad = defineTfjsKernel(
  'PadV2',
  ['x'],
  (tensors, [x], attributes: { readonly paddings: [number, number][]; readonly constantValue: number }) => {
    const { paddings, constantValue } = attributes
    expectFit('PadV2', paddings.length === x.shape.length && paddings.flat().every(isCount), x.shape, paddings.flat())
    const shape = x.shape.map((size, axis) => size + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0))
    const out = filled(tensors, shape, x.dtype, constantValue)
    paste(
      tensors,
      x,
      out,
      paddings.map(([before]) => before),
    )
    return out
  },
)

const concat = defineTfjsKernel('Concat', [], (tensors, _, { axis }: { readonly axis: number }, { inputs }) => {
  const parts = Object.values(inputs) as [TensorInfo, ...TensorInfo[]]
  const [along = 0] = util.parseAxisParam(axis, parts[0].shape)
  return concatenated(tensors, parts, along)
})

const pack = defineTfjsKernel('Pack', [], (tensors, _, { axis }: { readonly axis: number }, { inputs }) => {
  const given = Object.values(inputs) as [TensorInfo, ...TensorInfo[]]
  const [first] = given
  for (const { shape, dtype } of given) {
    expectFit('Pack', util.arraysEqual(shape, first.shape), first.shape, shape)
    if (dtype !== first.dtype) throw new OpsError(`Pack takes tensors of one type, not ${first.dtype} and ${dtype}`)
  }
  const along = axis < 0 ? first.shape.length + axis + 1 : axis
  const shape = [...first.shape]
  shape.splice(along, 0, 1)
  const parts = given.map((part) => ({ ...part, shape }))
  return concatenated(tensors, parts, along)
})

/** Parts of x along an axis, each as long as told. */
const partsOf = (tensors: CudaTensors, x: TensorInfo, axis: number, lengths: readonly number[]): TensorInfo[] => {
  let start = 0
  return lengths.map((length) => {
    const begin = x.shape.map((_, i) => (i === axis ? start : 0))
    const size = x.shape.map((side, i) => (i === axis ? length : side))
    start += length
    return slice(tensors, x, begin, size)
  })
}

const unpack = defineTfjsKernel('Unpack', ['value'], (tensors, [x], { axis }: { readonly axis: number }) => {
  const [along = 0] = util.parseAxisParam(axis, x.shape)
  const count = x.shape[along] ?? 0
  const shape = x.shape.filter((_, i) => i !== along)
  return partsOf(tensors, x, along, new Array<number>(count).fill(1)).map((part) => ({ ...part, shape }))
})

const split = defineTfjsKernel(
  'SplitV',
  ['x'],
  (tensors, [x], attributes: { readonly numOrSizeSplits: number | number[]; readonly axis: number }) => {
    const [along = 0] = util.parseAxisParam(attributes.axis, x.shape)
    return partsOf(tensors, x, along, backend_util.prepareSplitSize(x, attributes.numOrSizeSplits, along))
  },
)

export const stridedKernels: readonly Kernel[] = [
  ...[identity, reshape, expandDims, transpose, sliceKernel, stridedSlice, tile, reverse, broadcast, pad, concat, pack],
  ...[unpack, split],
]
