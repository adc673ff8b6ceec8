import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core'
import { kaimingUniform, uniformWithin } from '../initial-values'
import type { Kit } from '../kit'
import { defineLayer, type WeightAndBias } from '../layer-type'
import { boolean, integer, layerName } from '../options'
import { denseLayout } from '../tensor-layout'

/** y = W x + b, as `nn.Linear`; with a relu behind it one operation. */
export const dense = defineLayer({
  type: 'dense',
  options: {
    name: layerName(),
    in: integer({ from: 1, to: 2 ** 31 - 1, optional: true, says: 'inputs, checked against what comes before' }),
    out: integer({ from: 1, to: 65_536, says: 'outputs' }),
    bias: boolean({ default: true, says: 'whether a number is added to each output' }),
  },
  mixes: true,
  output({ options, input, refuse }) {
    const shown = `[${input.join(', ')}]`
    if (input.length !== 1)
      return refuse(`takes a flat row, the layer before it makes ${shown}: put a flatten layer between`)
    if (options.in !== undefined && options.in !== input[0])
      return refuse(`should take [${options.in}], the layer before it makes ${shown}`, 'in')
    return [options.out]
  },
  weights({ options: { out, bias }, input: [inputs = 0], flattened }): WeightAndBias {
    const weight = {
      ...{ shape: [out, inputs], initial: kaimingUniform(inputs), layout: denseLayout([out, inputs], flattened) },
    }
    return bias ? { weight, bias: { shape: [out], initial: uniformWithin(1 / Math.sqrt(inputs)) } } : { weight }
  },
  forward: (kit, run) => compute(kit, run, 'identity'),
  fusions: [{ with: ['relu'], forward: (kit, run) => compute(kit, run, 'relu') }],
  float64(kit, { x, weights: { weight, bias } }) {
    return {
      y: kit.dense(x, weight, bias),
      back: (dy) => {
        const { dx, dWeight, dBias } = kit.denseGrad(dy, x, weight)
        return { dx, gradients: { weight: dWeight, ...(bias && { bias: dBias }) } }
      },
    }
  },
  onnx: {
    write: ({ options: { bias } }) => [
      { op: 'Gemm', inputs: ['x', 'weight', ...(bias ? ['bias'] : [])], attributes: { transB: 1 } },
    ],
  },
  keras: {
    write: ({ out, bias }, { own }) => [
      { class_name: 'Dense', config: { name: own, units: out, activation: 'linear', use_bias: bias } },
    ],
    arrays: { weight: 'kernel', bias: 'bias' },
  },
})

interface Run {
  readonly x: Tensor
  readonly weights: { readonly weight: Tensor; readonly bias?: Tensor }
}

const compute = ({ ops }: Kit, { x, weights }: Run, activation: 'identity' | 'relu') => {
  const [weight, bias] = [weights.weight as Tensor2D, weights.bias as Tensor1D | undefined] // of the ranks said above
  const y = ops.dense(x, weight, bias, activation)
  return {
    y,
    back: (dy: Tensor, needsInputGradient: boolean) => {
      const { dx, dWeight, dBias } = ops.denseGrad(dy as Tensor2D, x, weight, y, activation, needsInputGradient)
      return { dx, gradients: { weight: dWeight, ...(bias && { bias: dBias }) } }
    },
  }
}
