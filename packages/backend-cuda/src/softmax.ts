import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { BackendError } from '@digitlab/backends'
import type { CudaTensors } from './cuda-tensors'
import { defineTfjsKernel, expectType, sizeOf } from './kernel'

/** Kernel: `cuda/softmax.cu`, over the last axis. */
const compute = (tensors: CudaTensors, x: TensorInfo, axis: number, logarithm: boolean): TensorInfo => {
  expectType('softmax', x, 'float32')
  const [along = 0] = util.parseAxisParam(axis, x.shape)
  if (along !== x.shape.length - 1)
    throw new BackendError(
      `the cuda backend takes the softmax over the last axis, not over axis ${along} of [${x.shape.join(', ')}]: transpose it`,
    )
  const classes = x.shape.at(-1) ?? 1
  const rows = sizeOf(x) / Math.max(1, classes)
  const y = tensors.output(x.shape, 'float32')
  tensors.device.launch({
    kernel: 'softmax',
    blocks: [Math.ceil(rows / 8)],
    threads: 256,
    arguments: [tensors.address(x), tensors.address(y), rows, classes, Number(logarithm)],
  })
  return y
}

/** tfjs's `Softmax`. */
export const softmax = defineTfjsKernel('Softmax', ['logits'], (tensors, [x], { dim }: { readonly dim: number }) =>
  compute(tensors, x, dim, false),
)

/** tfjs's `LogSoftmax`. */
export const logSoftmax = defineTfjsKernel(
  'LogSoftmax',
  ['logits'],
  (tensors, [x], { axis }: { readonly axis: number }) => compute(tensors, x, axis, true),
)
