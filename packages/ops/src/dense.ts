import {
  add,
  greater,
  matMul,
  relu,
  reshape,
  sum,
  tidy,
  zerosLike,
  where,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core'
import { expectShape, hasKernel, runKernel } from './kernels'

/** What follows the product: nothing, or max(x, 0). */
export type Activation = 'identity' | 'relu'

/**
 * y = activation(x W + b).
 *
 * Kernel `DigitlabDense`: inputs x [batch, ...in], weight [in, out], bias [out]; attribute activation; output y.
 *
 * @param x [batch, ...in]: whatever follows the batch is flattened in memory order
 * @param weight [in, out] (PyTorch's, transposed)
 * @param bias [out]
 * @returns [batch, out]
 */
export const dense = (x: Tensor, weight: Tensor2D, bias: Tensor1D, activation: Activation): Tensor2D => {
  const [batch, inputs] = rows(x)
  const outputs = weight.shape[1]
  expectShape('the weight of a dense layer', weight.shape, [inputs, outputs])
  expectShape('the bias of a dense layer', bias.shape, [outputs])
  if (hasKernel('dense')) return runKernel('dense', { x, weight, bias }, { activation })[0] as Tensor2D
  return tidy(() => {
    const y = add(matMul(reshape(x, [batch, inputs]), weight), bias)
    return (activation === 'relu' ? relu(y) : y) as Tensor2D
  })
}

/** The gradients of a dense layer with respect to its inputs. */
export interface DenseGradients {
  /** The shape of x; undefined where it was not asked for. */
  readonly dx: Tensor | undefined
  readonly dWeight: Tensor2D // [in, out]
  readonly dBias: Tensor1D // [out]
}

/**
 * The gradient of {@link dense}. With dz = dy where the activation passes it: dx = dz W^T, dW = x^T dz, db = sum of dz
 * over the batch. ReLU passes no gradient at 0, as in PyTorch.
 *
 * Kernel `DigitlabDenseGrad`: inputs dy, x, weight, y; attributes activation, needsInputGradient; outputs dWeight, dBias
 * and, where asked for, dx.
 *
 * @param dy [batch, out]
 * @param y what `dense` returned, [batch, out]
 * @param needsInputGradient false for a first layer, which has nobody to pass it to
 */
export const denseGrad = (
  dy: Tensor2D,
  x: Tensor,
  weight: Tensor2D,
  y: Tensor2D,
  activation: Activation,
  needsInputGradient: boolean,
): DenseGradients => {
  const [batch, inputs] = rows(x)
  expectShape('the gradient of a dense layer', dy.shape, [batch, weight.shape[1]])
  if (hasKernel('denseGrad')) {
    const [dWeight, dBias, dx] = runKernel('denseGrad', { dy, x, weight, y }, { activation, needsInputGradient })
    return { dx, dWeight: dWeight as Tensor2D, dBias: dBias as Tensor1D }
  }
  const [dWeight, dBias, dx] = tidy(() => {
    const dz = activation === 'relu' ? where(greater(y, 0), dy, zerosLike(dy)) : dy
    const gradients: Tensor[] = [matMul(reshape(x, [batch, inputs]), dz, true, false), sum(dz, 0)]
    if (needsInputGradient) gradients.push(reshape(matMul(dz, weight, false, true), x.shape))
    return gradients
  })
  return { dx, dWeight: dWeight as Tensor2D, dBias: dBias as Tensor1D }
}

const rows = (x: Tensor): [batch: number, inputs: number] => {
  const batch = x.shape[0] ?? 0
  return [batch, batch === 0 ? 0 : x.size / batch]
}
