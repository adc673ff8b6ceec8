import { operationPaths } from '@digitlab/ops'
import { conformanceCases } from '@digitlab/ops/conformance'
import {
  conv2d,
  engine,
  fused,
  getKernel,
  matMul,
  maxPool,
  memory,
  mul,
  registerKernel,
  round,
  tensor,
  tensor2d,
  tidy,
  unregisterKernel,
  type Tensor,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import { MersenneTwister, uniform } from '@digitlab/random'
import { beforeAll, describe, expect, test } from 'vitest'
import { cpuBackend, registerCpuKernels } from './index'

// The stock kernels, taken before ours go over them.
const names = [
  'Conv2D',
  'Conv2DBackpropFilter',
  'Conv2DBackpropInput',
  'FusedConv2D',
  '_FusedMatMul',
  'MaxPoolGrad',
] as const
const stock = new Map(names.map((name) => [name, getKernel(name, 'cpu')]))

beforeAll(async () => {
  const backend = cpuBackend()
  expect(await backend.probe()).toEqual({ usable: true, device: 'JavaScript, one thread' })
  expect(await backend.start()).toMatchObject({ id: 'cpu', threads: 1 })
  expect(await backend.start()).toMatchObject({ id: 'cpu' })
})

test('every operation runs as a kernel of ours, but for those that others of ours make up', () => {
  const onReference = Object.entries(operationPaths()).filter(([, path]) => path === 'reference')
  expect(onReference.map(([name]) => name)).toEqual([
    ...['batchNorm', 'batchNormGrad', 'dropout', 'convolution', 'convolutionGrad'],
  ])
})

describe('conformance', () => {
  for (const { name, run } of conformanceCases()) test(name, run)
})

const random = (shape: number[], seed: number): Tensor => {
  const size = shape.reduce((product, side) => product * side, 1)
  return tensor(uniform(new MersenneTwister(seed), size, -1, 1), shape)
}

/** Runs `compute` with tfjs's own convolution kernels in place of ours. */
const withStock = <T>(compute: () => T): T => {
  const ours = names.map((name) => getKernel(name, 'cpu'))
  const put = (kernels: ReturnType<typeof getKernel>[]) => {
    for (const kernel of kernels) {
      if (!kernel) throw new Error('a kernel is missing')
      unregisterKernel(kernel.kernelName, 'cpu')
      registerKernel(kernel)
    }
  }
  put([...stock.values()])
  try {
    return compute()
  } finally {
    put(ours)
  }
}

describe("the general convolutions give tfjs's own results", () => {
  const cases = [1, 2].flatMap((stride) =>
    (['same', 'valid', 1] as const).flatMap((pad) =>
      [1, 2].filter((dilation) => stride === 1 || dilation === 1).map((dilation) => ({ stride, pad, dilation })),
    ),
  )
  test.each(cases)('stride $stride, padding $pad, dilation $dilation', ({ stride, pad, dilation }) => {
    const run = () =>
      tidy(() => {
        const [x, filter] = [random([2, 9, 8, 3], 1) as Tensor4D, random([3, 2, 3, 5], 2) as Tensor4D]
        const y = conv2d(x, filter, stride, pad, 'NHWC', dilation, pad === 1 ? 'floor' : undefined)
        const attributes = {
          strides: stride,
          pad,
          dataFormat: 'NHWC',
          ...(pad === 1 ? { dimRoundingMode: 'floor' } : {}),
          dilations: dilation,
        }
        const results: Tensor[] = [y]
        if (dilation === 1) {
          const dy = random(y.shape, 3)
          results.push(
            engine().runKernel('Conv2DBackpropFilter', { x, dy }, { ...attributes, filterShape: filter.shape }),
          )
          results.push(
            engine().runKernel('Conv2DBackpropInput', { dy, filter }, { ...attributes, inputShape: x.shape }),
          )
        }
        return results.map((result) => ({ shape: result.shape, values: result.dataSync() }))
      })
    const [ours, theirs] = [run(), withStock(run)]
    for (const [i, { shape, values }] of ours.entries()) {
      expect(shape).toEqual(theirs[i]?.shape)
      values.forEach((value, j) => expect(value).toBeCloseTo(theirs[i]?.values[j] ?? NaN, 4))
    }
  })

  test.each(['linear', 'relu', 'relu6'] as const)('with a bias and the activation %s, in one kernel', (activation) => {
    const run = () =>
      tidy(() => {
        const x = random([2, 6, 5, 3], 1) as Tensor4D
        const [filter, bias] = [random([3, 3, 3, 4], 2) as Tensor4D, random([4], 3)]
        const y = fused.conv2d({ x, filter, strides: 1, pad: 'same', bias, activation })
        const [a, b] = [random([4, 7], 4), random([5, 7], 5)]
        const product = fused.matMul({ a, b, transposeB: true, bias: random([5], 6), activation })
        return [...y.dataSync(), ...product.dataSync()]
      })
    const [ours, theirs] = [run(), withStock(run)]
    ours.forEach((value, i) => expect(value).toBeCloseTo(theirs[i] ?? NaN, 5))
  })

  test.each([
    { window: [2, 2], strides: [2, 2], pad: 'valid' },
    { window: [3, 2], strides: [2, 1], pad: 'same' },
    { window: [3, 3], strides: [3, 3], pad: 1 },
  ] as const)(
    'gradient of max-pooling: windows $window, strides $strides, padding $pad',
    ({ window, strides, pad }) => {
      const attributes = { filterSize: [...window], strides: [...strides], pad }
      const run = () =>
        tidy(() => {
          // Few different values, so that many are equal: the first of a window then has its gradient.
          const x = round(mul<Tensor4D>(random([2, 7, 8, 5], 1), 2))
          const output = maxPool(x, [...window], [...strides], pad)
          const dy = random(output.shape, 2)
          const dx: Tensor = engine().runKernel('MaxPoolGrad', { dy, input: x, output }, attributes)
          return [...dx.dataSync()]
        })
      const [ours, theirs] = [run(), withStock(run)]
      expect(ours.some((value) => value !== 0)).toBe(true)
      ours.forEach((value, i) => expect(value).toBeCloseTo(theirs[i] ?? NaN, 6))
    },
  )

  test('what ours do not take goes to the stock kernel', () => {
    const product = tidy(() => {
      const ints = tensor2d([1, 2, 3, 4], [2, 2], 'int32')
      return [...matMul(ints, ints).dataSync()]
    })
    expect(product).toEqual([7, 10, 15, 22])
  })
})

describe('matMul', () => {
  const sizes: [number[], number[]][] = [
    [[], []],
    [[3], [3]],
    [
      [2, 3],
      [1, 3],
    ],
    [[1], [4]],
  ]
  for (const [batchA, batchB] of sizes)
    for (const transposeA of [false, true])
      for (const transposeB of [false, true])
        test(`[${batchA.join()}] x [${batchB.join()}]${transposeA ? ', a transposed' : ''}${transposeB ? ', b transposed' : ''}`, () => {
          const [rows, depth, columns] = [5, 7, 6]
          const before = memory().numTensors
          const { ours, naive } = tidy(() => {
            const a = random([...batchA, ...(transposeA ? [depth, rows] : [rows, depth])], 4)
            const b = random([...batchB, ...(transposeB ? [columns, depth] : [depth, columns])], 5)
            const at = (t: Tensor, n: number, i: number, j: number) =>
              t.dataSync()[n * (t.shape.at(-2) ?? 0) * (t.shape.at(-1) ?? 0) + i * (t.shape.at(-1) ?? 0) + j] ?? NaN
            const y = matMul(a, b, transposeA, transposeB)
            const count = y.size / (rows * columns)
            const naive: number[] = []
            for (let n = 0; n < count; n++)
              for (let i = 0; i < rows; i++)
                for (let j = 0; j < columns; j++) {
                  let sum = 0
                  const nA =
                    n %
                    Math.max(
                      1,
                      batchA.reduce((p, s) => p * s, 1),
                    )
                  const nB =
                    batchB.length === 2
                      ? n % 3
                      : n %
                        Math.max(
                          1,
                          batchB.reduce((p, s) => p * s, 1),
                        )
                  for (let k = 0; k < depth; k++)
                    sum +=
                      (transposeA ? at(a, nA, k, i) : at(a, nA, i, k)) *
                      (transposeB ? at(b, nB, j, k) : at(b, nB, k, j))
                  naive.push(sum)
                }
            return { ours: [...y.dataSync()], naive }
          })
          ours.forEach((value, i) => expect(value).toBeCloseTo(naive[i] ?? NaN, 5))
          expect(ours).toHaveLength(naive.length)
          expect(memory().numTensors).toBe(before)
        })
})

test('registering twice changes nothing', () => {
  const before = getKernel('Conv2D', 'cpu')
  registerCpuKernels()
  expect(getKernel('Conv2D', 'cpu')).toBe(before)
})
