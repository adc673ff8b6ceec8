// Fused kernels against the plain reference in their own file, on the stand-in; and once more with the threads of a block, and the blocks,
// in other orders: a missing barrier, or a sum whose order is left to chance, would show. Convolutions: reference-convolution.test.ts.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fractions, plain, referenceTests, whole } from '../standin/reference'
import { activationNumbers } from './activation'
import { normPlan } from './batch-norm'
import type { Launch } from './device'

describe('on the stand-in', () => {
  const { run, compareWithReference, distances, device, setOrder } = referenceTests()

  test('dense and its gradient', () => {
    const sizes = fc.record({
      batch: fc.integer({ min: 1, max: 70 }),
      inputs: fc.integer({ min: 1, max: 90 }),
      outputs: fc.integer({ min: 1, max: 40 }),
      relu: fc.integer({ min: 0, max: 1 }),
    })
    fc.assert(
      fc.property(sizes, ({ batch, inputs, outputs, relu }) => {
        const [x, weight, bias] = [whole(batch * inputs, 1), whole(inputs * outputs, 2), whole(outputs, 3)]
        const of = [batch, inputs, outputs, relu]
        const narrow = (at: number[], to: number[]): Launch => ({
          ...{ kernel: 'denseNarrow', blocks: [batch], threads: 256 },
          arguments: [...at, ...to, inputs, outputs, relu],
        })
        const wide = (at: number[], to: number[]): Launch => ({
          ...{ kernel: 'denseWide', blocks: [Math.ceil(batch / 4), Math.ceil(outputs / 32)], threads: 256 },
          arguments: [...at, ...to, ...of],
        })
        const reference = (at: number[], to: number[]) => plain('denseReference', [...at, ...to, ...of])
        compareWithReference([x, weight, bias], [batch * outputs], (at, to) => [wide(at, to)], reference)
        if (outputs <= 16)
          compareWithReference([x, weight, bias], [batch * outputs], (at, to) => [narrow(at, to)], reference)

        const tiles = (rows: number, columns: number) => Math.ceil(rows / 32) * Math.ceil(columns / 32)
        compareWithReference(
          [whole(batch * outputs, 4), x, weight, whole(batch * outputs, 5)],
          [inputs * outputs, outputs, batch * inputs],
          (at, to) => [
            {
              kernel: 'denseGrad',
              blocks: [tiles(inputs, outputs) + Math.ceil(outputs / 8) + tiles(batch, inputs)],
              threads: 256,
              arguments: [...at, ...to, ...of],
            },
          ],
          (at, to) => plain('denseGradReference', [...at, ...to, ...of]),
        )
      }),
      { numRuns: 15, seed: 1 },
    )
  })

  test('softmaxCrossEntropy', () => {
    const sizes = fc.record({
      batch: fc.integer({ min: 1, max: 80 }),
      classes: fc.integer({ min: 1, max: 70 }),
      smoothing: fc.constantFrom(0, 0.25),
    })
    fc.assert(
      fc.property(sizes, ({ batch, classes, smoothing }) => {
        const logits = fractions(batch * classes, 1)
        const labels = Int32Array.from({ length: batch }, (_, i) => (5 * i) % classes)
        const launches = (kernel: string, threads: number) => (at: number[], to: number[]) => [
          { kernel, blocks: [1] as const, threads, arguments: [...at, ...to, batch, classes, 1 / batch, smoothing] },
        ]
        const outputs = [2, batch * classes]
        const want = run([logits, labels], outputs, launches('softmaxCrossEntropyReference', 1))
        const got = [0, 1, 2].map((order) => {
          setOrder(order)
          return run([logits, labels], outputs, launches('softmaxCrossEntropy', 1024))
        })
        expect(got[1]).toEqual(got[0])
        expect(got[2]).toEqual(got[0])
        for (const [i, values] of want.entries())
          values.forEach((value, j) => expect(got[0]?.[i]?.[j]).toBeCloseTo(value, 5))
      }),
      { numRuns: 8, seed: 3 },
    )
  })

  test('activation and its gradient, to a few units in the last place', () => {
    // From -25 to 25, and where a formula changes to another; the last thread has one value.
    const special = [0, -0, 1e-4, -1e-4, 1e-30, -1e-30, -0.5, 0.625, 1.312, 90, -90, -87.3, 3e38, -3e38, NaN]
    const x = Float32Array.from({ length: 1025 }, (_, i) => special[i] ?? (i - 513) / 20.5)
    const dy = fractions(x.length, 2)
    for (const [name, what] of Object.entries(activationNumbers)) {
      const parameter = name === 'elu' ? 1.5 : name === 'leakyRelu' ? -0.5 : 0
      const of = (kernel: string, inputs: readonly Float32Array[], count = x.length, threads = 256) =>
        run(inputs, [count], (at, to) => [
          {
            ...{ kernel, blocks: [threads === 1 ? 1 : Math.ceil(count / 1024)], threads },
            arguments: [...at, ...to, count, what, parameter],
          },
        ])[0] ?? x
      /** What is off by more than a part of itself and than the rounding of 1 makes of a value, or of a slope. */
      const wrong = (got: Float32Array, want: Float32Array, least: (value: number, i: number) => number) =>
        [...x].flatMap((value, i) => {
          const [ours, theirs] = [got[i] ?? 0, want[i] ?? 0]
          const near = Math.abs(ours - theirs) <= 1e-6 * Math.abs(theirs) + least(value, i)
          return near || Object.is(ours, theirs) ? [] : [`${name} of ${value}: ${ours}, not ${theirs}`]
        })
      const ulp = (value: number) => 1.2e-7 * Math.min(100, Math.max(1, Math.abs(value)))
      const y = of('activation', [x])
      const want = of('activationReference', [x], x.length, 1)
      // 1 + erf is a difference where erf is near -1.
      expect(wrong(y, want, (value) => (name === 'gelu' ? ulp(value) : 1e-37))).toEqual([])
      expect(
        wrong(
          of('activationGrad', [dy, x, y]),
          of('activationGradReference', [dy, x, want], x.length, 1),
          (value, i) => 8 * ulp(value) * Math.abs(dy[i] ?? 0),
        ),
      ).toEqual([])
      for (const count of [1, 2, 3, 4, 5])
        expect(of('activation', [x.slice(0, count)], count)).toEqual(y.slice(0, count))
    }
  })

  test('batchNorm and its gradient, of one shard and of several', () => {
    const sizes = fc.record({
      count: fc.integer({ min: 2, max: 90 }),
      channels: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 16, 64)),
      shards: fc.integer({ min: 0, max: 4 }),
      parts: fc.integer({ min: 1, max: 3 }),
    })
    fc.assert(
      fc.property(sizes, ({ count, channels, shards, parts }) => {
        const { width, across } = normPlan(count, channels)
        const size = count * channels
        // Some channels far from 0, and some whose first value is far from the others.
        const x = fractions(size, 1).map((value, i) => value + ([0, 1000, -3e4][(i % channels) % 3] ?? 0))
        for (let c = 0; c < channels; c += 2) x[c] = 500
        const [weight, bias, dy] = [fractions(channels, 2), fractions(channels, 3), fractions(size, 4)]
        const partials = device().memory.take(16 * Math.max(1, shards) * channels)
        const struct = (rows: number) => Int32Array.of(count, channels, width, shards, rows).buffer
        const sums = (kernel: string, inputs: readonly number[]): Launch[] => [
          {
            ...{ kernel, blocks: [across, shards], threads: 1024 },
            arguments: [...inputs, partials, struct(Math.ceil(count / shards))],
          },
        ]
        // The rows are summed by one block where there are no shards.
        const down = shards === 0 ? 1 : parts
        const results = { blocks: [across, down] as const, threads: 1024 }
        const of = struct(Math.ceil(count / down))
        const options = [0.1, 1e-5]
        const before = (to: readonly number[]): Launch[] =>
          to
            .slice(0, 3)
            .map((address, i) => plain('fill', [address, i === 2 ? 1 : channels, 0, 0.5]))
            .map((launch) => ({ ...launch, threads: 64 }))
        const forward = (at: number[], to: number[]) => [at[0] ?? 0, partials, ...at.slice(1), ...to, of, ...options]
        const outputs = [channels, channels, 1, size, channels, channels]
        const make = (at: number[], to: number[]): Launch[] => [
          ...before(to),
          ...(shards === 0 ? [] : sums('batchNormSums', at.slice(0, 1))),
          { ...results, kernel: 'batchNorm', arguments: forward(at, to) },
        ]
        const reference = (at: number[], to: number[]): Launch[] => [
          ...before(to),
          plain('batchNormReference', forward(at, to)),
        ]
        for (const [i, distance] of distances([x, weight, bias], outputs, make, reference).entries())
          expect([i, distance]).toSatisfy(() => distance < 3e-7)

        const [, , , , mean = x, inverse = x] = run([x, weight, bias], outputs, reference)
        const backward = (at: number[], to: number[]) => [...at.slice(0, 2), partials, ...at.slice(2), ...to, of]
        const gradients = [channels, channels, size]
        const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        const ofDifference = largest(dy) * largest(inverse.map((value, c) => value * (weight[c] ?? NaN)))
        const off = distances(
          [dy, x, weight, mean, inverse],
          gradients,
          (at, to) => [
            ...(shards === 0 ? [] : sums('batchNormGradSums', [at[0] ?? 0, at[1] ?? 0, at[3] ?? 0])),
            { ...results, kernel: 'batchNormGrad', arguments: backward(at, to) },
          ],
          (at, to) => [plain('batchNormGradReference', backward(at, to))],
          [0, 0, ofDifference],
        )
        device().memory.give(partials)
        for (const [i, distance] of off.entries()) expect([i, distance]).toSatisfy(() => distance < 2e-6)
      }),
      { numRuns: 12, seed: 5 },
    )
  })

  test('gatherBatch, from the order and from variables', () => {
    for (const pixels of [16, 15]) {
      const images = Uint8Array.from({ length: 9 * pixels }, (_, i) => (i * 41) % 256)
      const [labels, order] = [Int32Array.of(3, 1, 4, 1, 5, 9, 2, 6, 5), Int32Array.of(8, 0, 3, 3, 7, 1)]
      const values = (at: number[], to: number[], start: number, variables: number) => [
        ...[
          ...at.slice(0, 3),
          ...to,
          pixels,
          9,
          order.length,
          ...(pixels === 16 ? [0, 1] : [0.125, 0.5]),
          start,
          variables,
        ],
      ]
      const inputs = [images, labels, order, Int32Array.of(2, 0, 0)]
      const [want, fromOrder, fromVariables] = [
        run(inputs, [3 * pixels, 3], (at, to) => [
          { ...plain('gatherBatchReference', values(at, to, 2, 0)), blocks: [3] },
        ]),
        run(inputs, [3 * pixels, 3], (at, to) => [
          { kernel: 'gatherBatch', blocks: [3], threads: 64, arguments: values(at, to, 2, 0) },
        ]),
        run(inputs, [3 * pixels, 3], (at, to) => [
          { kernel: 'gatherBatch', blocks: [3], threads: 64, arguments: values(at, to, 99, at[3] ?? 0) },
        ]),
      ]
      expect(fromOrder).toEqual(want)
      expect(fromVariables).toEqual(want)
      expect(new Int32Array(want?.[1]?.buffer ?? new ArrayBuffer(0))).toEqual(Int32Array.of(1, 1, 6))
    }
  })

  test('a kernel that goes past the end of its memory is stopped', async () => {
    const { failCalls } = await import('../standin/control')
    const short = device().memory.take(4 * 10)
    device().launch({ kernel: 'fill', blocks: [1], threads: 256, arguments: [short, 4000, 0, 1] })
    expect(() => device().synchronize()).toThrow(
      /^CUDA_ERROR_ILLEGAL_ADDRESS \(700\) from cu\w+, after the kernels .*fill/,
    )
    failCalls('')
    // By one element, which only the bytes behind the end can tell.
    device().launch({ kernel: 'fill', blocks: [1], threads: 256, arguments: [short, 11, 0, 1] })
    expect(() => device().synchronize()).toThrow('CUDA_ERROR_ILLEGAL_ADDRESS')
    failCalls('')
    device().launch({ kernel: 'fill', blocks: [1], threads: 256, arguments: [short, 10, 0, 1] })
    device().synchronize()
    device().memory.give(short)
  })
})
