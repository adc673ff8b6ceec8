// Which kernels a step of each model calls, in their order, on a backend that has the fused ones. These here compute nothing.
import { MersenneTwister } from '@digitlab/random'
import { kernelNames } from '@digitlab/ops'
import '@tensorflow/tfjs-backend-cpu'
import {
  engine,
  env,
  registerKernel,
  setBackend,
  tensor,
  tensor1d,
  tidy,
  unregisterKernel,
  type KernelFunc,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { disposeWeights, lossAndGradients, uploadWeights } from './compute'
import { defineModel, initialWeights, resolveModel, type Layer, type Model } from './index'

interface Backend {
  makeTensorInfo(shape: number[], dtype: string, values: ArrayLike<number>): TensorInfo
}

const called: string[] = []

const zeros = (backend: unknown, shape: readonly number[], dtype: 'float32' | 'int32' = 'float32'): TensorInfo => {
  const size = shape.reduce((product, side) => product * side, 1)
  const values = dtype === 'int32' ? new Int32Array(size) : new Float32Array(size)
  return (backend as Backend).makeTensorInfo([...shape], dtype, values)
}
const halved = (side: number | undefined) => Math.floor((side ?? 0) / 2)

/** What each gives: the shapes that its operation in ops says. */
const outputs: Partial<Record<keyof typeof kernelNames, KernelFunc>> = {
  dense: ({ inputs, backend }) => zeros(backend, [inputs['x']!.shape[0]!, inputs['weight']!.shape[1]!]),
  denseGrad: ({ inputs, attrs, backend }) => [
    zeros(backend, inputs['weight']!.shape),
    zeros(backend, [inputs['weight']!.shape[1]!]),
    ...(attrs?.['needsInputGradient'] ? [zeros(backend, inputs['x']!.shape)] : []),
  ],
  convReluPool: ({ inputs, backend }) => {
    const [batch = 0, height, width] = inputs['x']!.shape
    const shape = [batch, halved(height), halved(width), inputs['filter']!.shape[3]!]
    return [zeros(backend, shape), zeros(backend, shape, 'int32')]
  },
  convReluPoolGrad: ({ inputs, attrs, backend }) => [
    zeros(backend, inputs['filter']!.shape),
    zeros(backend, [inputs['filter']!.shape[3]!]),
    ...(attrs?.['needsInputGradient'] ? [zeros(backend, inputs['x']!.shape)] : []),
  ],
  softmaxCrossEntropy: ({ inputs, backend }) => [zeros(backend, [2]), zeros(backend, inputs['logits']!.shape)],
}

beforeAll(async () => {
  env().set('IS_TEST', true)
  await setBackend('cpu')
  for (const [name, kernelFunc] of Object.entries(outputs))
    registerKernel({ kernelName: kernelNames[name as keyof typeof kernelNames], backendName: 'cpu', kernelFunc })
  const runKernel = engine().runKernel.bind(engine())
  engine().runKernel = (name, inputs, attributes) => {
    const { activation, needsInputGradient } = (attributes ?? {}) as {
      activation?: string
      needsInputGradient?: boolean
    }
    called.push(
      [name.replace('Digitlab', ''), ...(activation ? [activation] : []), ...(needsInputGradient ? ['dx'] : [])].join(
        ' ',
      ),
    )
    return runKernel(name, inputs, attributes)
  }
})
afterAll(() => {
  for (const name of Object.keys(outputs)) unregisterKernel(kernelNames[name as keyof typeof kernelNames], 'cpu')
  Reflect.deleteProperty(engine(), 'runKernel')
})

const calls = (model: Model): string[] => {
  const weights = uploadWeights(model, initialWeights(model, new MersenneTwister(0)))
  const [height, width, channels] = model.definition.input
  called.length = 0
  tidy(() => {
    const images = tensor(new Float32Array(height * width * channels), [1, height, width, channels])
    lossAndGradients(model, weights, images, tensor1d([0], 'int32'), 1)
  })
  disposeWeights(weights)
  return called.filter((name) => name !== 'Reshape')
}

test.each([
  ['linear', ['Dense identity', 'SoftmaxCrossEntropy', 'DenseGrad identity']],
  ['two-layer', ['Dense relu', 'Dense identity', 'SoftmaxCrossEntropy', 'DenseGrad identity dx', 'DenseGrad relu']],
  [
    'cnn',
    [
      ...['ConvReluPool', 'ConvReluPool', 'Dense identity', 'SoftmaxCrossEntropy'],
      ...['DenseGrad identity dx', 'ConvReluPoolGrad dx', 'ConvReluPoolGrad'],
    ],
  ],
])('a step of %s calls the fused kernels alone', (name, expected) => {
  expect(calls(resolveModel(name))).toEqual(expected)
})

test.each<[string, Layer, Layer[], string]>([
  [
    'of stride 2',
    { type: 'conv2d', name: 'c', out: 2, kernel: 3, padding: 1, stride: 2 },
    [{ type: 'maxPool2d', size: 2 }],
    'Conv2D',
  ],
  [
    'before windows of 3',
    { type: 'conv2d', name: 'c', out: 2, kernel: 3, padding: 1 },
    [{ type: 'maxPool2d', size: 3 }],
    'Conv2D',
  ],
  ['without pooling', { type: 'conv2d', name: 'c', out: 2, kernel: 3, padding: 1 }, [], 'Conv2D'],
  [
    'of stride 1 before windows of 2',
    { type: 'conv2d', name: 'c', out: 2, kernel: 3, padding: 1 },
    [{ type: 'maxPool2d', size: 2 }],
    'ConvReluPool',
  ],
])('a convolution %s', (_, convolution, pools, kernel) => {
  const head: Layer[] = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 2 }]
  const layers = [convolution, { type: 'relu' } as const, ...pools, ...head]
  expect(calls(defineModel({ name: 'mine', input: [9, 9, 1], layers }))[0]).toBe(kernel)
})
