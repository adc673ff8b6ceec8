// The kernels of convolutions against the plain reference in their own file, as in reference.test.ts.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fractions, plain, referenceTests, whole } from '../standin/reference'
import { gradPlan } from './conv-relu-pool'
import { convolutionStruct, type Sizes } from './convolution'
import type { KernelArgument, Launch } from './device'

describe('on the stand-in', () => {
  const { run, compareWithReference, device } = referenceTests()

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
        const place = device().memory.take(4 * made * outputs)
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
        device().memory.give(place)
        const plan = kernel === 3 ? gradPlan(shapes, true) : undefined
        if (!plan) return
        const partials = device().memory.take(4 * plan.parts * (filterSize + outputs))
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
        device().memory.give(partials)
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
          const partials = device().memory.take(16 * Math.max(x.length, dy.length, filterSize + outputs))
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
          device().memory.give(partials)
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
})
