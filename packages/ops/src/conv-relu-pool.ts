import {
  tidy,
  type GradConfig,
  type NamedAttrMap,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import { rectify, rectifyGrad } from './activation'
import { kernelContracts, type KernelAttributes } from './contracts'
import { convolution, convolutionGrad, maxPool, maxPoolGrad, type ConvolutionGradients } from './convolution'
import { hasKernel, runKernel } from './kernels'

/** What the backward pass needs of the forward pass; its owner disposes of `tensors` unless a tidy does. */
export interface ConvReluPoolForward {
  /** [batch, floor(outHeight / 2), floor(outWidth / 2), out] */
  readonly y: Tensor4D
  /**
   * By the kernel: [winners], int32 in the shape of y, which of the window's four (0 1 over 2 3) won, or -1 where ReLU
   * stopped them all. By the reference: [the convolution after ReLU].
   */
  readonly saved: readonly Tensor[]
}

/**
 * y = maxPool2x2(relu(x * filter + bias)): a convolution of stride 1, ReLU and 2 x 2 max-pooling without overlap.
 *
 * Kernel `DigitlabConvReluPool`. What the window's largest is at a tie is the first in memory order, as in PyTorch.
 *
 * @param x [batch, height, width, in]
 * @param filter [kernel, kernel, in, out] (HWIO)
 * @param bias [out]
 */
export const convReluPool = (x: Tensor4D, filter: Tensor4D, bias: Tensor1D, padding: number): ConvReluPoolForward => {
  if (hasKernel('convReluPool')) {
    const { y, winners } = runKernel('convReluPool', { x, filter, bias }, { padding }, gradient)
    return { y: y as Tensor4D, saved: [winners] }
  }
  kernelContracts.DigitlabConvReluPool.sizes({ x, filter, bias }, { padding })
  const options = { stride: 1, padding }
  const [rectified, y] = tidy(() => {
    const rectified = rectify(convolution(x, filter, bias, options))
    return [rectified, maxPool(rectified, { size: 2 })]
  })
  return { y: y, saved: [rectified] }
}

/**
 * The gradient of {@link convReluPool}: only the winner of each window passes one, so three quarters of the
 * convolution's own gradient are zero.
 *
 * Kernel `DigitlabConvReluPoolGrad`, whose output dx is there where it is asked for.
 *
 * @param dy in the shape of y
 * @param forward what `convReluPool` returned for x
 */
export const convReluPoolGrad = (
  dy: Tensor4D,
  x: Tensor4D,
  filter: Tensor4D,
  forward: ConvReluPoolForward,
  padding: number,
  needsInputGradient: boolean,
): ConvolutionGradients => {
  const saved = forward.saved[0] as Tensor4D
  if (saved.dtype === 'int32') {
    const inputs = { dy, x, filter, winners: saved }
    const { dFilter, dBias, dx } = runKernel('convReluPoolGrad', inputs, { padding, needsInputGradient })
    return { dx: dx as Tensor4D | undefined, dFilter: dFilter as Tensor4D, dBias: dBias as Tensor1D }
  }
  const options = { stride: 1, padding }
  const gradients = tidy(() => {
    const dRectified = maxPoolGrad(dy, saved, forward.y, { size: 2 })
    const dConvolution = rectifyGrad(dRectified, saved) as Tensor4D
    const { dFilter, dBias, dx } = convolutionGrad(dConvolution, x, filter, options, needsInputGradient)
    return dx ? [dFilter, dBias, dx] : [dFilter, dBias]
  })
  return {
    dFilter: gradients[0] as Tensor4D,
    dBias: gradients[1] as Tensor1D,
    dx: gradients[2] as Tensor4D | undefined,
  }
}

/** For tfjs's autograd: a loss of one's own goes back through the kernel. */
const gradient: Omit<GradConfig, 'kernelName'> = {
  inputsToSave: ['x', 'filter'],
  outputsToSave: [true, true],
  gradFunc(dys, saved, attributes: NamedAttrMap) {
    const [dy] = dys as [Tensor4D, Tensor]
    const [x, filter, y, winners] = saved as [Tensor4D, Tensor4D, Tensor4D, Tensor]
    const { padding } = attributes as unknown as KernelAttributes<'DigitlabConvReluPool'>
    const { dx, dFilter, dBias } = convReluPoolGrad(dy, x, filter, { y, saved: [winners] }, padding, true)
    return { x: () => dx as Tensor, filter: () => dFilter, bias: () => dBias }
  },
}
