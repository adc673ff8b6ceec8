// Every fused kernel against the plain reference in its own file, on the stand-in; and once more with the threads of a block, and
// the blocks, in other orders: a missing barrier, or a sum whose order is left to chance, would show.
import { backend as currentBackend } from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { noStandin, standinBackend, needStandin } from '../standin/backend'
import { activationNumbers } from './activation'
import { normPlan } from './batch-norm'
import { gradPlan } from './conv-relu-pool'
import { convolutionStruct, type Sizes } from './convolution'
import type { CudaTensors } from './cuda-tensors'
import type { Device, KernelArgument, Launch } from './device'
import { readPtx, type KernelLayout } from './ptx'

/** References are not in the PTX, and take what their kernels take. */
const addReferences = (): void => {
  const kernels = readPtx('kernels').kernels as Map<string, KernelLayout>
  const like = (reference: string, kernel: string) => {
    const layout = kernels.get(kernel)
    if (!layout) throw new Error(`there is no kernel ${kernel}`)
    kernels.set(reference, layout)
  }
  like('denseReference', 'denseWide')
  like('denseGradReference', 'denseGrad')
  like('convReluPoolReference', 'convReluPool3')
  like('softmaxCrossEntropyReference', 'softmaxCrossEntropy')
  like('gatherBatchReference', 'gatherBatch')
  like('activationReference', 'activation')
  like('activationGradReference', 'activationGrad')
  like('batchNormReference', 'batchNorm')
  like('batchNormGradReference', 'batchNormGrad')
  const taking = (pointers: number, struct: number): KernelLayout => ({
    parameters: [
      ...Array.from({ length: pointers }, (_, i) => ({ type: 'u64', offset: 8 * i, size: 8 }) as const),
      { type: 'bytes', offset: 8 * pointers, size: struct },
    ],
    size: 8 * pointers + struct,
  })
  kernels.set('convReluPoolGradReference', taking(7, 40))
  kernels.set('convolutionReference', taking(4, 64))
  kernels.set('convolutionGradReference', taking(6, 64))
}

describe('on the stand-in', () => {
  needStandin()
  let device: Device
  let setOrder: (order: number) => number
  beforeAll(async () => {
    if (noStandin !== undefined) return
    await standinBackend().start()
    ;({ device } = currentBackend() as CudaTensors)
    addReferences()
    ;({ setOrder } = await import('../standin/control'))
  })
  afterEach(() => void (noStandin === undefined && setOrder(0)))

  /** Small whole numbers, some of them 0: sums of their products are exact in float32, whatever their order. */
  const whole = (size: number, seed: number) => {
    let state = (seed * 2654435761 + 1) >>> 0
    return Float32Array.from({ length: size }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return (Math.floor(state / 2 ** 24) % 7) - 3
    })
  }
  const fractions = (size: number, seed: number) => whole(size, seed).map((value, i) => value / 3 + Math.sin(i))

  type Values = Float32Array | Int32Array | Uint8Array
  /** Runs launches on inputs and outputs of their own; answers the outputs' bytes. */
  const run = (
    inputs: readonly Values[],
    outputs: readonly number[],
    launches: (at: number[], to: number[]) => Launch[],
  ) => {
    const at = inputs.map((values) => {
      const address = device.memory.take(values.byteLength)
      device.upload(address, values)
      return address
    })
    const to = outputs.map((size) => device.memory.take(4 * size))
    for (const launch of launches(at, to)) device.launch(launch)
    const results = outputs.map((size, i) => new Float32Array(device.readNow(to[i] ?? 0, 4 * size)))
    for (const address of [...at, ...to]) device.memory.give(address)
    return results
  }
  /** The reference runs on one thread. */
  const compareWithReference = (
    inputs: readonly Values[],
    outputs: readonly number[],
    launches: (at: number[], to: number[]) => Launch[],
    reference: (at: number[], to: number[]) => Launch,
  ) => {
    const want = run(inputs, outputs, (at, to) => [reference(at, to)])
    for (const order of [0, 1, 2]) {
      setOrder(order)
      expect(run(inputs, outputs, launches)).toEqual(want)
    }
  }
  const plain = (kernel: string, values: readonly KernelArgument[]): Launch => ({
    kernel,
    blocks: [1],
    threads: 1,
    arguments: values,
  })

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

  const pooledSizes = fc.record({
    batch: fc.integer({ min: 1, max: 5 }),
    height: fc.integer({ min: 4, max: 12 }),
    width: fc.integer({ min: 4, max: 12 }),
    inputs: fc.integer({ min: 1, max: 9 }),
    outputs: fc.integer({ min: 1, max: 9 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 2 }),
  })

  test('convReluPool and its gradient', () => {
    fc.assert(
      fc.property(pooledSizes, ({ batch, height, width, inputs, outputs, kernel, padding }) => {
        const rows = Math.floor((height + 2 * padding - kernel + 1) / 2)
        const columns = Math.floor((width + 2 * padding - kernel + 1) / 2)
        const of = Int32Array.of(
          ...[batch, height, width, inputs, outputs, kernel, kernel, padding, rows, columns],
        ).buffer
        const shapes = {
          batch,
          height,
          width,
          inputs,
          outputs,
          kernelHeight: kernel,
          kernelWidth: kernel,
          padding,
          rows,
          columns,
        }
        const pooled = batch * rows * columns * outputs
        const filterSize = kernel * kernel * inputs * outputs
        const x = whole(batch * height * width * inputs, 1)
        const filter = whole(filterSize, 2)
        const forward = [x, filter, whole(outputs, 3)]
        const reference = (at: number[], to: number[]) => plain('convReluPoolReference', [...at, ...to, of])
        const anyway = (name: string, elements: number, values: readonly KernelArgument[]): Launch => ({
          ...{ kernel: name, blocks: [Math.ceil(elements / 256)], threads: 256, arguments: values },
        })
        // By way of the whole convolution.
        const sizes: Sizes = {
          ...{ batch, height, width, inputs, outputs, rows: 2 * rows, columns: 2 * columns, groups: 1 },
          ...{ kernel: [kernel, kernel], stride: [1, 1], dilation: [1, 1], padding: [padding, padding] },
        }
        const [made, taps] = [4 * batch * rows * columns, kernel * kernel * inputs]
        const place = device.memory.take(4 * made * outputs)
        const product = (
          name: string,
          [rows, columns, steps]: readonly number[],
          values: readonly number[],
        ): Launch => {
          const division = [
            Math.ceil((rows ?? 0) / 64),
            Math.ceil((columns ?? 0) / 16),
            1,
            Math.ceil((steps ?? 0) / 16),
          ] as const
          return {
            ...{ kernel: `${name}64x16`, blocks: [division[0] * division[1]], threads: 128 },
            arguments: [...values, convolutionStruct(sizes), Int32Array.from(division).buffer],
          }
        }
        compareWithReference(
          forward,
          [pooled, pooled],
          ([x = 0, filter = 0, bias = 0], to) => [
            product('convolution', [made, outputs, taps], [x, filter, 0, place]),
            anyway('poolWinners', pooled, [place, bias, ...to, of]),
          ],
          reference,
        )
        const lines = 16 * (2 * columns + 2) * inputs
        if (kernel === 3)
          compareWithReference(
            forward,
            [pooled, pooled],
            (at, to) => [
              {
                ...{ kernel: 'convReluPool3', blocks: [batch, rows], threads: 256, shared: lines },
                arguments: [...at, ...to, of],
              },
            ],
            reference,
          )

        const [, winners = new Float32Array(0)] = run(forward, [pooled, pooled], (at, to) => [reference(at, to)])
        const backward = [whole(pooled, 4), x, filter, new Int32Array(winners.buffer)]
        const results = [filterSize, outputs, x.length]
        const gradReference = (at: number[], to: number[]) => plain('convReluPoolGradReference', [...at, ...to, of])
        compareWithReference(
          backward,
          results,
          ([dy = 0, images = 0, filter = 0, won = 0], [dFilter = 0, dBias = 0, dx = 0]) => [
            anyway('unpoolWinners', pooled, [dy, won, place, of]),
            product('convolutionFilterGrad', [taps, outputs, made], [images, place, dFilter, dBias]),
            product(
              'convolutionInputGrad',
              [batch * height * width, inputs, kernel * kernel * outputs],
              [place, filter, dx],
            ),
          ],
          gradReference,
        )
        device.memory.give(place)
        const plan = kernel === 3 ? gradPlan(shapes, true) : undefined
        if (!plan) return
        const partials = device.memory.take(4 * plan.parts * (filterSize + outputs))
        compareWithReference(
          backward,
          results,
          (at, [dFilter = 0, dBias = 0, dx = 0]) => [
            {
              ...{ kernel: 'convReluPoolGrad3', blocks: [plan.blocks], threads: 512, shared: plan.shared },
              arguments: [...at, partials, dx, of, Int32Array.of(plan.parts, plan.group, plan.band).buffer],
            },
            {
              ...{ kernel: 'sumParts', blocks: [Math.ceil((filterSize + outputs) / 32)], threads: 256 },
              arguments: [partials, dFilter, dBias, plan.parts, filterSize, outputs],
            },
          ],
          gradReference,
        )
        device.memory.give(partials)
      }),
      { numRuns: 25, seed: 2 },
    )
  })

  const side = fc.integer({ min: 1, max: 3 })
  const sides = fc.tuple(side, side)
  const padding = fc.integer({ min: 0, max: 2 })
  /** Channels of a group: few and many, multiples of four and others. */
  const channels = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 20, 33, 36))
  const convolutionSizes = fc
    .record({
      batch: fc.integer({ min: 1, max: 3 }),
      ...{ taken: channels, made: channels, groups: fc.constantFrom(1, 1, 2, 3) },
      size: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })),
      ...{ kernel: sides, stride: sides, dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), side) },
      padding: fc.tuple(padding, padding),
    })
    .map(({ batch, taken, made, groups, size, kernel, stride, dilation, padding }) => {
      const span = (i: 0 | 1) => (kernel[i] - 1) * dilation[i] + 1 - 2 * padding[i]
      const [height, width] = [Math.max(size[0], span(0)), Math.max(size[1], span(1))] // an image that the filter fits
      const [rows, columns] = [(height - span(0)) / stride[0], (width - span(1)) / stride[1]].map(Math.floor)
      return {
        ...{ batch, height, width, inputs: taken * groups, outputs: made * groups, groups },
        ...{ kernel, stride, dilation, padding, rows: 1 + (rows ?? 0), columns: 1 + (columns ?? 0) },
      }
    })

  test('convolution and its gradients, in every tile and in parts, on tensor cores too', () => {
    fc.assert(
      fc.property(
        convolutionSizes,
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('', 'Tensor'),
        (of, parts, cores) => {
          const { batch, height, width, inputs, outputs, kernel, groups } = of
          const struct = convolutionStruct(of)
          const filterSize = (kernel[0] * kernel[1] * inputs * outputs) / groups
          const [images, made] = [batch * height * width, batch * of.rows * of.columns]
          const [x, filter, bias] = [whole(images * inputs, 1), whole(filterSize, 2), whole(outputs, 3)]
          const dy = whole(made * outputs, 4)
          const partials = device.memory.take(16 * Math.max(x.length, dy.length, filterSize + outputs))
          /** A product of rows x columns for each group in tiles of a kernel, and the sum of its parts. */
          const product = (name: string, tile: string, [rows, columns, steps]: readonly [number, number, number]) => {
            const [tall = 0, wide = 0] = tile.split('x').map(Number)
            const chunks = Math.ceil(Math.ceil(steps / 16) / parts)
            const division = [Math.ceil(rows / tall), Math.ceil(columns / (wide * groups)), parts, chunks]
            return (values: readonly KernelArgument[], sum: readonly KernelArgument[], size: number): Launch[] => [
              {
                ...{
                  kernel: name + tile + cores,
                  blocks: [(division[0] ?? 0) * (division[1] ?? 0) * parts * groups],
                  threads: 128,
                },
                arguments: [...values, struct, Int32Array.from(division).buffer],
              },
              ...(parts === 1
                ? []
                : [
                    parts % 2 === 0
                      ? {
                          kernel: 'convolutionSumFew',
                          blocks: [Math.ceil(size / 256)] as const,
                          threads: 256,
                          arguments: sum,
                        }
                      : {
                          kernel: 'convolutionSum',
                          blocks: [Math.ceil(size / 8)] as const,
                          threads: 256,
                          arguments: sum,
                        },
                  ]),
            ]
          }
          const taps = (kernel[0] * kernel[1] * inputs) / groups
          for (const tile of ['64x64', '128x32', '64x32', '64x16', '64x8'])
            compareWithReference(
              [x, filter, bias],
              [dy.length],
              ([x = 0, filter = 0, bias = 0], [y = 0]) =>
                product('convolution', tile, [made, outputs, taps])(
                  [x, filter, parts === 1 ? bias : 0, parts === 1 ? y : partials],
                  [partials, bias, y, 0, parts, dy.length, dy.length, outputs],
                  dy.length,
                ),
              (at, to) => plain('convolutionReference', [...at, ...to, struct]),
            )
          const gradients = ['64x64', '64x32', '64x16', '32x32'].map(
            (tile, i) => [tile, ['64x64', '128x32', '64x32', '64x16', '64x8'].slice(i, i + 2)] as const,
          )
          for (const [forFilter, forInput] of gradients)
            compareWithReference(
              [dy, x, filter],
              [filterSize, outputs, x.length],
              ([dy = 0, x = 0, filter = 0], [dFilter = 0, dBias = 0, dx = 0]) => [
                ...product('convolutionFilterGrad', forFilter, [taps, outputs, made])(
                  [x, dy, ...(parts === 1 ? [dFilter, dBias] : [partials, partials + 4 * filterSize])],
                  [partials, 0, dFilter, dBias, parts, filterSize + outputs, filterSize, outputs],
                  filterSize + outputs,
                ),
                ...forInput.flatMap((tile) =>
                  product('convolutionInputGrad', tile, [images, inputs, (kernel[0] * kernel[1] * outputs) / groups])(
                    [dy, filter, parts === 1 ? dx : partials],
                    [partials, 0, dx, 0, parts, images * inputs, images * inputs, outputs],
                    images * inputs,
                  ),
                ),
              ],
              (at, to) => plain('convolutionGradReference', [...at, ...to, struct]),
            )
          device.memory.give(partials)
        },
      ),
      { numRuns: 12, seed: 4 },
    )
  })

  test('equal candidates of a window: the first wins, also where their sums are no whole numbers', () => {
    const [size, outputs] = [8, 8]
    const x = new Float32Array(size * size * 4).fill(0.3)
    const of = Int32Array.of(1, size, size, 4, outputs, 3, 3, 0, 3, 3).buffer
    const filter = fractions(9 * 4 * outputs, 1).map(Math.abs)
    const [, winners] = run([x, filter, new Float32Array(outputs)], [9 * outputs, 9 * outputs], (at, to) => [
      {
        ...{ kernel: 'convReluPool3', blocks: [1, 3], threads: 256, shared: 16 * 8 * 4 },
        arguments: [...at, ...to, of],
      },
    ])
    expect(new Set(new Int32Array(winners?.buffer ?? new ArrayBuffer(4)))).toEqual(new Set([0]))
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

  /**
   * How far results are from those of the reference at most, in units of an output's largest value, or of what it is a difference
   * of; the same bits whatever the order.
   */
  const distances = (
    inputs: readonly Values[],
    outputs: readonly number[],
    launches: (at: number[], to: number[]) => Launch[],
    reference: (at: number[], to: number[]) => Launch[],
    scales: readonly number[] = [],
  ) => {
    const want = run(inputs, outputs, reference)
    const [got = [], ...others] = [0, 1, 2].map((order) => {
      setOrder(order)
      return run(inputs, outputs, launches)
    })
    for (const other of others) expect(other).toEqual(got)
    return want.map((values, i) => {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), scales[i] ?? 1e-30)
      return values.reduce((most, value, j) => Math.max(most, Math.abs(value - (got[i]?.[j] ?? NaN)) / largest), 0)
    })
  }

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
        const partials = device.memory.take(16 * Math.max(1, shards) * channels)
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
        device.memory.give(partials)
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
    const short = device.memory.take(4 * 10)
    device.launch({ kernel: 'fill', blocks: [1], threads: 256, arguments: [short, 4000, 0, 1] })
    expect(() => device.synchronize()).toThrow(
      /^CUDA_ERROR_ILLEGAL_ADDRESS \(700\) from cu\w+, after the kernels .*fill/,
    )
    failCalls('')
    // By one element, which only the bytes behind the end can tell.
    device.launch({ kernel: 'fill', blocks: [1], threads: 256, arguments: [short, 11, 0, 1] })
    expect(() => device.synchronize()).toThrow('CUDA_ERROR_ILLEGAL_ADDRESS')
    failCalls('')
    device.launch({ kernel: 'fill', blocks: [1], threads: 256, arguments: [short, 10, 0, 1] })
    device.synchronize()
    device.memory.give(short)
  })
})
