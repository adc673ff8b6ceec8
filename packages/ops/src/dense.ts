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
  type GradConfig,
  type NamedAttrMap,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core'
import { kernelContracts, type Activation, type KernelAttributes } from './contracts'
import { hasKernel, runKernel } from './kernels'

/**
 * y = activation(x W + b).
 *
 * Kernel `DigitlabDense`.
 *
 * @param x [batch, ...in]: whatever follows the batch is flattened in memory order
 * @param weight [in, out] (PyTorch's, transposed)
 * @param bias [out], or none
 * @returns [batch, out]
 */
export const dense = (x: Tensor, weight: Tensor2D, bias: Tensor1D | undefined, activation: Activation): Tensor2D => {
  const given = bias ? { x, weight, bias } : { x, weight }
  if (hasKernel('dense')) return runKernel('dense', given, { activation }, gradient).y as Tensor2D
  const { batch, inputs } = kernelContracts.DigitlabDense.sizes(given, { activation })
  return tidy(() => {
    const product = matMul(reshape(x, [batch, inputs]), weight)
    const y = bias ? add(product, bias) : product
    return (activation === 'relu' ? relu(y) : y) as Tensor2D
  })
}

/** The gradients of a dense layer with respect to its inputs. */
export interface DenseGradients {
  /** The shape of x; undefined if it was not asked for. */
  readonly dx: Tensor | undefined
  readonly dWeight: Tensor2D // [in, out]
  readonly dBias: Tensor1D // [out]
}

/**
 * The gradient of {@link dense}. With dz = dy where the activation passes it: dx = dz W^T, dW = x^T dz, db = sum of dz
 * over the batch. ReLU passes no gradient at 0, as in PyTorch.
 *
 * Kernel `DigitlabDenseGrad`, whose output dx is there where it is asked for.
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
  if (hasKernel('denseGrad')) {
    const { dx, dWeight, dBias } = runKernel('denseGrad', { dy, x, weight, y }, { activation, needsInputGradient })
    return { dx, dWeight: dWeight as Tensor2D, dBias: dBias as Tensor1D }
  }
  const { batch, inputs } = kernelContracts.DigitlabDenseGrad.sizes(
    { dy, x, weight, y },
    { activation, needsInputGradient },
  )
  const [dWeight, dBias, dx] = tidy(() => {
    const dz = activation === 'relu' ? where(greater(y, 0), dy, zerosLike(dy)) : dy
    const gradients: Tensor[] = [matMul(reshape(x, [batch, inputs]), dz, true, false), sum(dz, 0)]
    if (needsInputGradient) gradients.push(reshape(matMul(dz, weight, false, true), x.shape))
    return gradients
  })
  return { dx, dWeight: dWeight as Tensor2D, dBias: dBias as Tensor1D }
}

/** For tfjs's autograd: a loss of one's own goes back through the kernel. */
const gradient: Omit<GradConfig, 'kernelName'> = {
  inputsToSave: ['x', 'weight'],
  outputsToSave: [true],
  gradFunc(dy, saved, attributes: NamedAttrMap) {
    const [x, weight, y] = saved as [Tensor, Tensor2D, Tensor2D]
    const { activation } = attributes as unknown as KernelAttributes<'DigitlabDense'>
    const { dx, dWeight, dBias } = denseGrad(dy as Tensor2D, x, weight, y, activation, true)
    return { x: () => dx as Tensor, weight: () => dWeight, bias: () => dBias }
  },
}
