import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-core'
import { kaimingUniform, uniformWithin } from '../initial-values'
import type { Array64 } from '../kit'
import { defineLayer, type WeightAndBias } from '../layer-type'
import { boolean, integer, layerName, sides } from '../options'
import { filterLayout } from '../tensor-layout'
import { bothSides, windowsOver } from '../windows'

/** Filters over the image, zeros around it, as `nn.Conv2d`; of several groups, each sees its part of the channels. */
export const conv2d = defineLayer({
  type: 'conv2d',
  options: {
    name: layerName(),
    in: integer({ from: 1, to: 2 ** 31 - 1, optional: true, says: 'channels, checked against what comes before' }),
    out: integer({ from: 1, to: 65_536, says: 'filters' }),
    kernel: sides({ from: 1, to: 65_536, says: 'sides of a filter' }),
    stride: sides({ from: 1, to: 65_536, default: 1 }),
    padding: sides({ from: 0, to: 65_536, default: 0, says: 'zeros on each side' }),
    groups: integer({
      from: 1,
      to: 65_536,
      default: 1,
      says: 'of channels, each with filters of its own: as many as channels make it depthwise',
    }),
    bias: boolean({ default: true, says: 'whether a number is added to each filter' }),
  },
  output(place) {
    const { options, input, refuse } = place
    const { kernel, groups, out } = options
    const [rows, columns] = windowsOver(place, { ...options, size: kernel }, 'a kernel')
    const channels = input[2] ?? 0
    if (options.in !== undefined && options.in !== channels)
      return refuse(`should take ${options.in} channels, the layer before it makes [${input.join(', ')}]`, 'in')
    for (const [what, count] of Object.entries({ channels, filters: out }))
      if (count % groups !== 0)
        return refuse(`has ${groups} groups, into which its ${count} ${what} can't be split`, 'groups')
    return [rows, columns, out]
  },
  weights({ options: { out, kernel, groups, bias }, input: [, , channels = 0] }): WeightAndBias {
    const [tall, wide] = bothSides(kernel)
    const shape = [out, channels / groups, tall, wide] as const
    const fanIn = (channels / groups) * tall * wide
    const weight = { shape, initial: kaimingUniform(fanIn), layout: filterLayout(shape) }
    return bias ? { weight, bias: { shape: [out], initial: uniformWithin(1 / Math.sqrt(fanIn)) } } : { weight }
  },
  forward({ ops }, { x, options, weights }) {
    const { image, filter, bias } = ranked(x, weights)
    return {
      y: ops.convolution(image, filter, bias, movesOf(options)),
      back: (dy, needsInputGradient) => {
        const made = ops.convolutionGrad(dy as Tensor4D, image, filter, movesOf(options), needsInputGradient)
        return { dx: made.dx, gradients: { weight: made.dFilter, ...(bias && { bias: made.dBias }) } }
      },
    }
  },
  fusions: [
    {
      with: ['relu', 'maxPool2d'],
      fits: ({ stride, padding, groups, bias }, [, pool = {}]) => {
        const [down, right] = bothSides(stride)
        const [top, left] = bothSides(padding)
        return down * right * groups === 1 && top === left && bias && isHalving(pool)
      },
      forward({ ops }, { x, options, weights }) {
        const { image, filter, bias } = ranked(x, weights)
        const [padding] = bothSides(options.padding)
        const made = ops.convReluPool(image, filter, bias as Tensor1D, padding)
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
  float64(kit, { x, options, weights: { weight, bias } }) {
    return {
      y: kit.convolution(x, weight, bias, movesOf(options)),
      back: (dy) => {
        const { dx, dFilter, dBias } = kit.convolutionGrad(dy, x, weight, movesOf(options))
        return { dx, gradients: { weight: dFilter, ...(bias && { bias: dBias }) } }
      },
    }
  },
  onnx: {
    write({ options: { kernel, stride, padding, groups, bias } }) {
      const [top, left] = bothSides(padding)
      const windows = { kernel_shape: bothSides(kernel), strides: bothSides(stride), pads: [top, left, top, left] }
      const attributes = groups === 1 ? windows : { ...windows, group: groups }
      return [{ op: 'Conv', inputs: ['x', 'weight', ...(bias ? ['bias'] : [])], attributes }]
    },
  },
  keras: {
    write({ out, kernel, stride, padding, bias }, { own, other }) {
      const moves = { kernel_size: bothSides(kernel), strides: bothSides(stride), padding: 'valid' }
      const config = { name: own, filters: out, ...moves, activation: 'linear', use_bias: bias }
      const convolution = { class_name: 'Conv2D', config: { ...config, data_format: 'channels_last' } }
      const [top, left] = bothSides(padding)
      if (top + left === 0) return [convolution]
      // Keras's own padding depends on the stride: a layer of zeros before it does not.
      const around = [
        [top, top],
        [left, left],
      ]
      const zeros = { name: other('padding'), padding: around, data_format: 'channels_last' }
      return [{ class_name: 'ZeroPadding2D', config: zeros }, convolution]
    },
    arrays: { weight: 'kernel', bias: 'bias' },
    // TensorFlow.js's layers have no groups: filters with zeros for the channels that they do not see compute the same.
    array: (short, array, { options: { groups } }) =>
      short === 'weight' && groups > 1 ? spread(array, groups) : array,
  },
})

interface Moves {
  readonly stride: Parameters<typeof bothSides>[0]
  readonly padding: Parameters<typeof bothSides>[0]
  readonly groups: number
}

const movesOf = ({ stride, padding, groups }: Moves): Moves => ({ stride, padding, groups })

/** Of the ranks said above. */
const ranked = (x: Tensor, weights: { readonly weight: Tensor; readonly bias?: Tensor }) => ({
  ...{ image: x as Tensor4D, filter: weights.weight as Tensor4D, bias: weights.bias as Tensor1D | undefined },
})

/** Max-pooling of 2 x 2 windows side by side. */
const isHalving = ({ size, stride = size, padding }: Readonly<Record<string, unknown>>): boolean =>
  [size, stride, padding].map((value) => bothSides(value as number).join()).join(' ') === '2,2 2,2 0,0'

/** [height, width, in / groups, out] as [height, width, in, out]. */
const spread = ({ shape, data }: Array64, groups: number): Array64 => {
  const [tall = 0, wide = 0, taken = 0, out = 0] = shape
  const whole = new Float64Array(data.length * groups)
  data.forEach((value, i) => {
    const o = i % out
    const channel = Math.floor((o * groups) / out) * taken + (Math.floor(i / out) % taken)
    const tap = Math.floor(i / out / taken)
    whole[(tap * taken * groups + channel) * out + o] = value
  })
  return { shape: [tall, wide, taken * groups, out], data: whole }
}
