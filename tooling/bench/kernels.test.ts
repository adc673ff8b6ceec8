import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { KernelExport } from '../../packages/backend-wasm/src/module'
import { markedPart } from '../packages/marked-part'
import { costOf } from './kernel-costs'
import { expectedOf, limitOf } from './kernel-tables'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))

describe('what a call needs', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const [x, winners] = [1024, 32_768]
  const put = (values: readonly number[]) => new Float32Array(memory.buffer, x, values.length).set(values)
  const flops = (kernel: KernelExport, parameters: readonly number[], items: number) =>
    costOf({ kernel, parameters: [...parameters, 0, 0, items], items }, memory).flops
  /** 6 x 6 with a frame of one: 3 x 3 windows of 3 x 3 taps. */
  const image = (at: Readonly<Record<number, number>>) => put(Array.from({ length: 36 }, (_, i) => at[i] ?? 0))
  const single = [x, 0, 0, 0, winners, 6, 6, 4, 1]
  const direct = (ahead: number) => [x, 0, 0, winners, ahead, 6, 6, 1, 4, 3, 3, 1]

  test('of a dense layer, products with inputs that are not zero', () => {
    put([0, 0, 3, 0, 0.5, 0, 0, 0])
    expect(flops('denseWide', [x, 0, 0, 0, 4, 30, 1], 2)).toBe(2 * 2 * 30)
    expect(costOf({ kernel: 'denseWide', parameters: [x, 0, 0, 0, 4, 30, 1], items: 2 }, memory)).toMatchObject({
      ...{ shape: '[2, 4] x [4, 30]', bytes: 4 * (8 + 120 + 30 + 60) },
    })
  })

  test('of a convolution, products with pixels that are not zero: nine in the middle, four at a corner', () => {
    image({ 14: 1 })
    expect(flops('convSingle', single, 1)).toBe(2 * 9 * 4)
    image({ 0: 1 })
    expect(flops('convSingle', single, 1)).toBe(2 * 4 * 4)
    image({})
    expect(flops('convSingle', single, 1)).toBe(0)
  })

  test('of windows of plain background, nothing where they are computed ahead', () => {
    put(Array.from({ length: 36 }, () => 1))
    expect(flops('convDirect', direct(1), 1)).toBe(0)
    // 16 places with nine taps, 16 at a side with six, 4 in a corner with four.
    expect(flops('convDirect', direct(0), 1)).toBe(2 * 4 * (16 * 9 + 16 * 6 + 4 * 4))
    image(Object.fromEntries(Array.from({ length: 36 }, (_, i) => [i, i === 35 ? 2 : 1])))
    // One window sees it: places with nine, six, six and four taps.
    expect(flops('convDirect', direct(1), 1)).toBe(2 * 4 * (9 + 6 + 6 + 4))
  })

  test('of a gradient, those of the winners', () => {
    image({ 14: 1 })
    new Int32Array(memory.buffer, winners, 36).fill(-1)
    new Int32Array(memory.buffer, winners + 4 * 4 * 4, 3).set([3, 0, -1]) // in the middle window, whose places all see the pixel
    const gradient = [0, x, winners, 0, 0, 1, 6, 6, 4, 1]
    expect(flops('convSingleGrad', gradient, 4)).toBe(2 * 2)
    expect(flops('convRowsFilterGrad', [0, x, winners, 0, 0, 1, 6, 6, 1, 4, 3, 3, 1], 4)).toBe(2 * 2 * 9)
  })

  test('is asked of no kernel that nothing is known of', () => {
    expect(() => flops('watch', [0, 0, 0], 0)).toThrow(
      'the kernel watch costs: add it to tooling/bench/kernel-costs.ts',
    )
  })
})

test('a limit is of what takes longer, divided by the threads that can share it', () => {
  const spread = { median: 1, min: 1, max: 1 }
  const call = {
    kernel: 'add',
    shape: '',
    flops: 4000,
    bytes: 1000,
    most: 8,
    waits: true,
    alone: spread,
    shared: spread,
  }
  const machine = { gflops: 2, gigabytes: 1 }
  expect(limitOf([call, { ...call, bytes: 3000 }], machine, 1)).toBe(2 + 3)
  expect(limitOf([call, { ...call, bytes: 3000, most: 1, waits: false }], machine, 2, 0.5)).toBe(1 + 0.5 + 3)
})

test('what is expected of more threads is what they share, and barriers that grow with their number', () => {
  const spread = (median: number) => ({ median, min: median, max: median })
  const call = { kernel: 'add', shape: '', flops: 0, bytes: 0, most: 8, waits: true, shared: spread(0) }
  const calls = [
    { ...call, alone: spread(80) },
    { ...call, alone: spread(4), most: 2 },
    { ...call, alone: spread(1), most: 1, waits: false },
  ]
  expect(expectedOf(calls, 1, 0.2)).toBe(85)
  expect(expectedOf(calls, 2, 0.2)).toBeCloseTo(40 + 2 + 1 + 2 * 0.2, 10)
  expect(expectedOf(calls, 8, 0.2)).toBeCloseTo(10 + 2 + 1 + 2 * 0.8, 10)
})

test('the kernels of a step are timed', () => {
  const args = ['--models', 'linear', '--repetitions', '1', '--threads', '2']
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [path('packages/backend-wasm/scripts/time.mjs'), ...args],
    {
      encoding: 'utf8',
    },
  )
  expect(status, stderr).toBe(0)
  for (const row of ['| gatherBatch | [64, 784] | 1 |', '| denseNarrow | [64, 784] x [784, 10] | 1 |', '| a barrier |'])
    expect(stdout).toContain(row)
  expect(stdout).toMatch(/\| linear \| 64 \| 0\.\d+ \|/)
})

test('docs/performance.md has a place for the tables', async () => {
  const command = 'pnpm --filter @digitlab/backend-wasm time --publish'
  expect(markedPart(await readFile(path('docs/performance.md'), 'utf8'), 'kernels', command).part.trim()).not.toBe('')
})
