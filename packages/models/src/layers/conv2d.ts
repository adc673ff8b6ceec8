import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-core'
import { kaimingUniform, uniformWithin } from '../initial-values'
import { defineLayer } from '../layer-type'
import { integer, layerName } from '../options'
import { filterLayout } from '../tensor-layout'

/** Filters of `kernel` x `kernel`, zeros around the image, as `nn.Conv2d`. */
export const conv2d = defineLayer({
  type: 'conv2d',
  options: {
    name: layerName(),
    in: integer({ from: 1, to: 2 ** 31 - 1, optional: true, says: 'channels, checked against what comes before' }),
    out: integer({ from: 1, to: 65_536, says: 'filters' }),
    kernel: integer({ from: 1, to: 65_536, says: 'side of a filter' }),
    stride: integer({ from: 1, to: 65_536, default: 1 }),
    padding: integer({ from: 0, to: 65_536, default: 0, says: 'zeros on each side' }),
  },
  output({ options, input, refuse }) {
    const [height = 0, width = 0, channels = 0] = input
    const { kernel, stride, padding } = options
    const shown = `[${input.join(', ')}]`
    if (input.length !== 3) return refuse(`takes [height, width, channels], the layer before it makes ${shown}`)
    if (options.in !== undefined && options.in !== channels)
      return refuse(`is to take ${options.in} channels, the layer before it makes ${shown}`)
    const side = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1
    if (side(height) < 1 || side(width) < 1)
      return refuse(`has a kernel of [${kernel}, ${kernel}], the layer before it makes only ${shown}`)
    return [side(height), side(width), options.out]
  },
  weights({ options: { out, kernel }, input: [, , channels = 0] }) {
    const shape = [out, channels, kernel, kernel] as const
    const fanIn = channels * kernel * kernel
    return {
      weight: { shape, initial: kaimingUniform(fanIn), layout: filterLayout(shape) },
      bias: { shape: [out], initial: uniformWithin(1 / Math.sqrt(fanIn)) },
    }
  },
  forward({ ops }, { x, options: { stride, padding }, weights }) {
    const [image, filter, bias] = [x as Tensor4D, weights.weight as Tensor4D, weights.bias as Tensor1D]
    const moves = { stride, padding }
    return {
      y: ops.convolution(image, filter, bias, moves),
      back: (dy, needsInputGradient) => {
        const { dx, dFilter, dBias } = ops.convolutionGrad(dy as Tensor4D, image, filter, moves, needsInputGradient)
        return { dx, gradients: { weight: dFilter, bias: dBias } }
      },
    }
  },
  fusions: [
    {
      with: ['relu', 'maxPool2d'],
      fits: ({ stride }, [, pool]) => stride === 1 && pool?.['size'] === 2,
      forward({ ops }, { x, options: { padding }, weights }) {
        const [image, filter, bias] = [x as Tensor4D, weights.weight as Tensor4D, weights.bias as Tensor1D]
        const made = ops.convReluPool(image, filter, bias, padding)
        return {
          y: made.y,
          back: (dy, needsInputGradient) => {
            const gradients = ops.convReluPoolGrad(dy as Tensor4D, image, filter, made, padding, needsInputGradient)
            return { dx: gradients.dx, gradients: { weight: gradients.dFilter, bias: gradients.dBias } }
          },
        }
      },
    },
  ],
  float64(kit, { x, options: { stride, padding }, weights: { weight, bias } }) {
    return {
      y: kit.convolution(x, weight, bias, stride, padding),
      back: (dy) => {
        const { dx, dFilter, dBias } = kit.convolutionGrad(dy, x, weight, stride, padding)
        return { dx, gradients: { weight: dFilter, bias: dBias } }
      },
    }
  },
  onnx: {
    write: ({ options: { kernel, stride, padding } }) => [
      {
        op: 'Conv',
        inputs: ['x', 'weight', 'bias'],
        attributes: {
          kernel_shape: [kernel, kernel],
          strides: [stride, stride],
          pads: [padding, padding, padding, padding],
        },
      },
    ],
  },
  keras: {
    write({ out, kernel, stride, padding }, { own, other }) {
      const moves = { kernel_size: [kernel, kernel], strides: [stride, stride], padding: 'valid' }
      const config = { name: own, filters: out, ...moves, activation: 'linear', use_bias: true }
      const convolution = { class_name: 'Conv2D', config: { ...config, data_format: 'channels_last' } }
      if (padding === 0) return [convolution]
      // Keras's own padding depends on the stride: a layer of zeros before it does not.
      const sides = [
        [padding, padding],
        [padding, padding],
      ]
      const zeros = { name: other('padding'), padding: sides, data_format: 'channels_last' }
      return [{ class_name: 'ZeroPadding2D', config: zeros }, convolution]
    },
    arrays: { weight: 'kernel', bias: 'bias' },
  },
})
