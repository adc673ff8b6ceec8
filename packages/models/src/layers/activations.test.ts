// Values and slopes of the activations are PyTorch's: torch.nn.functional.<name>(x).sum().backward(), PyTorch 2.13.
import { float64 } from '@digitlab/ops'
import { describe, expect, test } from 'vitest'
import { defineModel, layerTypes, type LayerType } from '../index'

const x = float64.array64([1, 11], [-30, -6, -2.5, -1, -0.25, 0, 0.5, 0.93, 1, 3, 25])

const known: readonly [type: string, options: object, y: readonly number[], slopes: readonly number[]][] = [
  [
    'tanh',
    {},
    [-1, -0.99998772, -0.98661429, -0.76159418, -0.24491866, 0, 0.46211717, 0.73059392, 0.76159418, 0.99505478, 1],
    [0, 2.4556963e-5, 0.026592249, 0.4199743, 0.94001484, 1, 0.7864477, 0.46623254, 0.4199743, 0.0098659815, 0],
  ],
  [
    'sigmoid',
    {},
    [
      9.3576236e-14, 0.002472623, 0.075858176, 0.26894143, 0.4378235, 0.5, 0.62245935, 0.71707529, 0.7310586,
      0.95257413, 1,
    ],
    [
      9.3576236e-14, 0.0024665091, 0.070103712, 0.19661194, 0.24613407, 0.25, 0.23500371, 0.20287833, 0.19661193,
      0.045176655, 0,
    ],
  ],
  [
    'gelu',
    {},
    [0, 0, -0.015524179, -0.15865526, -0.10032342, 0, 0.34573123, 0.76614743, 0.84134471, 2.9959497, 25],
    [0, -2.9802322e-8, -0.037611067, -0.083315432, 0.3046267, 0.5, 0.86749506, 1.0645733, 1.0833154, 1.0119456, 1],
  ],
  [
    'elu',
    { alpha: 1.5 },
    [-1.5, -1.4962819, -1.3768725, -0.94818079, -0.33179882, 0, 0.5, 0.93000001, 1, 3, 25],
    [1.4036434e-13, 0.0037181284, 0.1231275, 0.55181921, 1.1682012, 1.5, 1, 1, 1, 1, 1],
  ],
  [
    'leakyRelu',
    { slope: 0.1 },
    [-3, -0.6, -0.25, -0.1, -0.025, 0, 0.5, 0.93000001, 1, 3, 25],
    [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 1, 1, 1, 1, 1],
  ],
  [
    'silu',
    {},
    [
      -2.807287e-12, -0.014835739, -0.18964545, -0.26894143, -0.10945588, 0, 0.31122968, 0.66688007, 0.7310586,
      2.8577225, 25,
    ],
    [
      -2.7137108e-12, -0.012326431, -0.099401109, 0.072329484, 0.37628999, 0.5, 0.73996121, 0.90575206, 0.92767054,
      1.0881041, 1,
    ],
  ],
  [
    'softplus',
    {},
    [
      9.3576229e-14, 0.0024756852, 0.078889735, 0.31326169, 0.57593942, 0.69314718, 0.97407699, 1.2625744, 1.3132616,
      3.0485873, 25,
    ],
    [
      9.3576229e-14, 0.0024726233, 0.075858176, 0.26894143, 0.4378235, 0.5, 0.62245935, 0.71707529, 0.7310586,
      0.95257413, 1,
    ],
  ],
]

describe.each(known)('%s %j', (name, given, values, slopes) => {
  test("is PyTorch's", () => {
    const layers = [{ type: 'flatten' }, { type: name, ...given }, { type: 'dense', name: 'fc', out: 2 }]
    const { type, options, output } = defineModel({ name: 'mine', input: [1, 11, 1], layers }).layers[1]!
    expect(output).toEqual([11])
    const { y, back } = type.float64(float64, { x, options, weights: {}, buffers: {}, mode: 'training' })
    const { dx } = back(
      float64.map(x, () => 1),
      true,
    )
    for (const [i, value] of values.entries()) {
      // PyTorch's are float32: 1 + erf and 1 - tanh^2 leave some 1e-7.
      expect(y.data[i], `y of ${x.data[i]}`).toBeCloseTo(value, 5)
      expect(dx?.data[i], `slope at ${x.data[i]}`).toBeCloseTo(slopes[i]!, 6)
    }
  })
})

test('every activation has its values here, and defaults are those of PyTorch', () => {
  const plain = (layerTypes as readonly LayerType[]).filter(
    (layer) => !layer.weights && !layer.draws && !/ool|flatten|relu$|residual/.test(layer.type),
  )
  expect(plain.map(({ type }) => type).sort()).toEqual(known.map(([name]) => name).sort())
  const [elu, leakyRelu] = ['elu', 'leakyRelu'].map((name) => layerTypes.find(({ type }) => type === name))
  expect(elu?.options).toMatchObject({ alpha: { default: 1 } })
  expect(leakyRelu?.options).toMatchObject({ slope: { default: 0.01 } })
})
