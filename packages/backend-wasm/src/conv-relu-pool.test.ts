import { describe, expect, test } from 'vitest'
import { compileKernels, hasRelaxedSimd, type KernelExports } from './module'

const flavours = hasRelaxedSimd() ? (['plain', 'relaxed'] as const) : (['plain'] as const)

describe.each(flavours)('convolution, ReLU and pooling, %s', (simd) => {
  /** [batch, height, width, inputs, outputs, kernelHeight, kernelWidth, padding] */
  test.each([
    [9, 14, 14, 16, 32, 3, 3, 1],
    [8, 9, 12, 4, 64, 5, 3, 2],
    [8, 6, 5, 8, 32, 2, 2, 0],
    [8, 7, 7, 4, 32, 5, 5, 4],
    [8, 3, 4, 8, 32, 5, 6, 2],
  ])('over the inputs that are not zero gives the bits of that over all %j', async (...shape) => {
    const [batch, height, width, inputs, outputs, high, wide, padding] = shape
    const sizes = [height, width, inputs, outputs, high, wide, padding] as const
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 })
    const module = (await compileKernels(simd)).module(false)
    const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports
    let [free, drawn] = [64, 1]
    const room = (bytes: number) => {
      const at = free
      free += 64 * Math.ceil(bytes / 64) + 64
      return at
    }
    const draw = () => (drawn = (drawn * 48271) % 2147483647) / 2147483647
    const put = (count: number, value: (i: number) => number) => {
      const at = room(4 * count)
      new Float32Array(memory.buffer, at, count).set(Array.from({ length: count }, (_, i) => value(i)))
      return at
    }
    const [taps, pixels] = [high * wide * inputs, height * width]
    // Plain background of which every other channel is zero; ink in the middle of most images, half of it zeros.
    const x = put(batch * pixels * inputs, (i) => {
      const [image, row, column, channel] = [
        i / (pixels * inputs),
        (i / (width * inputs)) % height,
        (i / inputs) % width,
        i % inputs,
      ]
      const isInk = image >= 2 && Math.abs(row - height / 2) < 2 && Math.abs(column - width / 2) < 2
      return isInk ? Math.max(0, draw() - 0.5) : channel % 2
    })
    const [filter, bias] = [put(taps * outputs, () => draw() - 0.5), put(outputs, () => draw() - 0.5)]
    const results = batch * ((height + 2 * padding - high + 1) >> 1) * ((width + 2 * padding - wide + 1) >> 1) * outputs
    const [y, winners, own, ownWinners] = [0, 0, 0, 0].map(() => put(results, () => NaN)) as [
      number,
      number,
      number,
      number,
    ]

    const scratch = room(kernels.convDirectScratch(...sizes))
    kernels.convDirectFilters(filter, bias, taps, outputs, scratch, 0, 0, taps)
    kernels.convDirect(x, scratch, y, winners, 0, ...sizes, room(kernels.convDirectRoom(...sizes)), 0, batch)
    const bytes = kernels.convSparseRoom(...sizes)
    const at = room(bytes)
    const behind = put(16, () => 7)
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, batch],
    ] as const)
      kernels.convSparse(x, filter, bias, own, ownWinners, ...sizes, at, from, to)

    const words = (from: number) => new Int32Array(memory.buffer, from, results)
    expect(words(own)).toEqual(words(y))
    expect(words(ownWinners)).toEqual(words(winners))
    expect(new Set(words(winners))).toEqual(new Set([-1, 0, 1, 2, 3]))
    expect(new Float32Array(memory.buffer, behind, 16)).toEqual(new Float32Array(16).fill(7))
  })
})
