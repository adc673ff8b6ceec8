// What a call of a kernel needs at least: its floating-point operations, counted on the values that it is given, and the bytes that it
// reads and writes, each once.
import type { Call } from '../../packages/backend-wasm/src/calls'
import type { KernelExport } from '../../packages/backend-wasm/src/module'

export interface Cost {
  /** Such as '[64, 784] x [784, 10]'. */
  readonly shape: string
  /** Two for each product that is summed; products of a zero that the kernel leaves out are not counted. */
  readonly flops: number
  readonly bytes: number
}

/** A layer of convolution, ReLU and 2 x 2 pooling. */
interface Pooled {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly inputs: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly padding: number
}

const floats = (memory: WebAssembly.Memory, address: number, count: number) =>
  new Float32Array(memory.buffer, address, count)

const notZero = (memory: WebAssembly.Memory, address: number, count: number): number =>
  floats(memory, address, count).reduce((sum, value) => (value === 0 ? sum : sum + 1), 0)

const windowsOf = ({ height, width, kernelHeight, kernelWidth, padding }: Pooled) => ({
  rows: (height + 2 * padding - kernelHeight + 1) >> 1,
  columns: (width + 2 * padding - kernelWidth + 1) >> 1,
})

/**
 * Inputs that are not zero under the filter, for each of the four candidates of each window of a batch.
 *
 * @param background windows that see nothing but the batch's first pixel count as if all were zero: they are computed once for all images
 */
const tapsUnder = (memory: WebAssembly.Memory, x: number, sizes: Pooled, background: boolean): Uint32Array => {
  const { batch, height, width, inputs, kernelHeight, kernelWidth, padding } = sizes
  const { rows, columns } = windowsOf(sizes)
  const pixels = floats(memory, x, batch * height * width * inputs)
  const [counts, plain] = [new Uint32Array(batch * height * width), new Uint8Array(batch * height * width)]
  for (let pixel = 0; pixel < counts.length; pixel++) {
    plain[pixel] = 1
    for (let c = 0; c < inputs; c++) {
      const value = pixels[pixel * inputs + c] as number
      if (value !== 0) (counts[pixel] as number)++
      if (value !== pixels[c]) plain[pixel] = 0
    }
  }
  const taps = new Uint32Array(batch * rows * columns * 4)
  /** Calls with each pixel of a patch that lies within the image. */
  const patch = (
    image: number,
    from: readonly [number, number],
    size: readonly [number, number],
    see: (pixel: number) => void,
  ) => {
    for (let r = Math.max(0, from[0]); r < Math.min(height, from[0] + size[0]); r++)
      for (let c = Math.max(0, from[1]); c < Math.min(width, from[1] + size[1]); c++)
        see((image * height + r) * width + c)
  }
  for (let window = 0; window < taps.length / 4; window++) {
    const [image, place] = [Math.floor(window / (rows * columns)), window % (rows * columns)]
    const [top, left] = [2 * Math.floor(place / columns) - padding, 2 * (place % columns) - padding]
    let computed = !background
    if (background)
      patch(image, [top, left], [kernelHeight + 1, kernelWidth + 1], (pixel) => (computed ||= plain[pixel] === 0))
    if (!computed) continue
    for (let candidate = 0; candidate < 4; candidate++)
      patch(image, [top + (candidate >> 1), left + (candidate & 1)], [kernelHeight, kernelWidth], (pixel) => {
        ;(taps[4 * window + candidate] as number) += counts[pixel] as number
      })
  }
  return taps
}

const winnersAt = (memory: WebAssembly.Memory, address: number, sizes: Pooled, outputs: number): Int32Array => {
  const { rows, columns } = windowsOf(sizes)
  return new Int32Array(memory.buffer, address, sizes.batch * rows * columns * outputs)
}

const total = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0)

/** Operations and float32 read or written, of an element. */
const perElement: Partial<Record<KernelExport, readonly [flops: number, floats: number]>> = {
  ...{ add: [1, 3], multiply: [1, 3], activation: [1, 2], activationGrad: [2, 4] },
  ...{ sgdStep: [2, 3], sgdMomentumStep: [6, 5], averageWeights: [3, 3] },
  ...{ adamStep: [14, 7], adadeltaStep: [13, 7], rmspropStep: [9, 7], adagradStep: [7, 5], nadamStep: [16, 7] },
}

type Count = (parameters: readonly number[], items: number, memory: WebAssembly.Memory) => Cost

/** Copies of values into another order. */
const moved = (shape: string, values: number): Cost => ({ shape, flops: 0, bytes: 8 * values })

const rowsOf = (rows: number, columns: number, flops: number, values: number): Cost => ({
  ...{ shape: `[${rows}, ${columns}]`, flops: flops * rows * columns, bytes: 4 * values * rows * columns },
})

const weightGrad: Count = ([x = 0, , batch = 0, inputs = 0, outputs = 0], _, memory) => ({
  shape: `[${inputs}, ${batch}] x [${batch}, ${outputs}]`,
  flops: 2 * outputs * notZero(memory, x, batch * 16 * Math.ceil(inputs / 16)),
  bytes: 4 * (batch * inputs + batch * outputs + inputs * outputs),
})

const gather =
  (flops: number): Count =>
  ([, , , , pixels = 0], batch) => ({
    ...{ shape: `[${batch}, ${pixels}]`, flops: flops * batch * pixels, bytes: 5 * batch * pixels + 12 * batch },
  })

/** @param values float32 of an input pixel that are read or written, beside the output's one */
const pool =
  (first: number, values: number): Count =>
  (parameters, batch) => {
    const [height = 0, width = 0, channels = 0, rows = 0, columns = 0, high = 0, wide = 0] = parameters.slice(first)
    return {
      shape: `[${batch}, ${height}, ${width}, ${channels}]`,
      flops: batch * rows * columns * channels * high * wide,
      bytes: 4 * batch * channels * (values * height * width + rows * columns),
    }
  }

const convolved = (sizes: readonly number[], batch: number): Cost => {
  const [height = 0, width = 0, inputs = 0, rows = 0, columns = 0, outputs = 0, high = 0, wide = 0] = sizes
  const taps = high * wide * inputs
  return {
    shape: `[${batch}, ${height}, ${width}, ${inputs}] * [${high}, ${wide}, ${inputs}, ${outputs}]`,
    flops: 2 * batch * rows * columns * outputs * taps,
    bytes: 4 * (batch * height * width * inputs + batch * rows * columns * outputs + taps * outputs),
  }
}

const pooledCost = (sizes: Pooled, outputs: number, products: number, gradient: boolean): Cost => {
  const { batch, height, width, inputs, kernelHeight, kernelWidth } = sizes
  const { rows, columns } = windowsOf(sizes)
  return {
    shape: `[${batch}, ${height}, ${width}, ${inputs}] * [${kernelHeight}, ${kernelWidth}, ${inputs}, ${outputs}]${gradient ? ', winners' : ''}`,
    flops: 2 * products,
    bytes:
      4 *
      (batch * height * width * inputs +
        2 * batch * rows * columns * outputs +
        kernelHeight * kernelWidth * inputs * outputs),
  }
}

const pooledOf = (numbers: readonly number[], batch: number): readonly [Pooled, outputs: number] => {
  const [height = 0, width = 0, inputs = 0, outputs = 0, kernelHeight = 0, kernelWidth = 0, padding = 0] = numbers
  return [{ batch, height, width, inputs, kernelHeight, kernelWidth, padding }, outputs]
}

/** Of each winner a whole patch, zeros and all. */
const ofWinners = (memory: WebAssembly.Memory, at: number, sizes: Pooled, outputs: number): Cost => {
  const winners = winnersAt(memory, at, sizes, outputs).reduce((sum, winner) => (winner < 0 ? sum : sum + 1), 0)
  return pooledCost(sizes, outputs, winners * sizes.kernelHeight * sizes.kernelWidth * sizes.inputs, true)
}

const counts: Partial<Record<KernelExport, Count>> = {
  gatherBatch: gather(1),
  gatherNormalized: gather(3),
  denseTranspose: ([, inputs = 0, outputs = 0]) => moved(`[${inputs}, ${outputs}]`, inputs * outputs),
  padRows: ([, size = 0], rows) => moved(`[${rows}, ${size}]`, rows * size),
  denseNarrow: ([x = 0, , , , batch = 0, inputs = 0, outputs = 0], _, memory) => ({
    shape: `[${batch}, ${inputs}] x [${inputs}, ${outputs}]`,
    flops: 2 * outputs * notZero(memory, x, batch * inputs),
    bytes: 4 * (batch * inputs + inputs * outputs + outputs + batch * outputs),
  }),
  denseWide: ([x = 0, , , , inputs = 0, outputs = 0], batch, memory) => ({
    shape: `[${batch}, ${inputs}] x [${inputs}, ${outputs}]`,
    flops: 2 * outputs * notZero(memory, x, batch * inputs),
    bytes: 4 * (batch * inputs + inputs * outputs + outputs + batch * outputs),
  }),
  denseZ: ([, , outputs = 0], batch) => rowsOf(batch, outputs, 0, 3),
  columnSums: ([, batch = 0, outputs = 0]) => rowsOf(batch, outputs, 1, 1),
  weightGradNarrow: weightGrad,
  weightGradWide: weightGrad,
  weightStepWide: weightGrad,
  denseInputGrad: ([, , batch = 0, inputs = 0, outputs = 0]) => ({
    shape: `[${batch}, ${outputs}] x [${outputs}, ${inputs}]`,
    flops: 2 * batch * inputs * outputs,
    bytes: 4 * (batch * inputs + inputs * outputs + batch * outputs),
  }),
  convSingle: ([x = 0, , , , , height = 0, width = 0, filters = 0, padding = 0], batch, memory) => {
    const [sizes, outputs] = pooledOf([height, width, 1, filters, 3, 3, padding], batch)
    return pooledCost(sizes, outputs, outputs * total(tapsUnder(memory, x, sizes, false)), false)
  },
  convSingleGrad: (parameters, _, memory) => {
    const [, x = 0, at = 0, , , batch = 0, height = 0, width = 0, filters = 0, padding = 0] = parameters
    const [sizes, outputs] = pooledOf([height, width, 1, filters, 3, 3, padding], batch)
    const taps = tapsUnder(memory, x, sizes, false)
    const products = winnersAt(memory, at, sizes, outputs).reduce(
      (sum, winner, i) => (winner < 0 ? sum : sum + (taps[4 * Math.floor(i / outputs) + winner] ?? 0)),
      0,
    )
    return pooledCost(sizes, outputs, products, true)
  },
  convDirectFilters: ([, , taps = 0, outputs = 0]) => moved(`[${taps}, ${outputs}]`, taps * outputs),
  convDirectPlain: ([, height = 0, width = 0, inputs = 0]) =>
    moved(`[${height}, ${width}, ${inputs}]`, height * width * inputs),
  convDirectPlainRows: ([, ...numbers], rows) => {
    const [sizes, outputs] = pooledOf(numbers, 1)
    const taps = sizes.kernelHeight * sizes.kernelWidth * sizes.inputs
    return pooledCost(sizes, outputs, 4 * rows * windowsOf(sizes).columns * taps * outputs, false)
  },
  convDirect: ([x = 0, , , , ahead = 0, ...numbers], batch, memory) => {
    const [sizes, outputs] = pooledOf(numbers, batch)
    return pooledCost(sizes, outputs, outputs * total(tapsUnder(memory, x, sizes, ahead === 1)), false)
  },
  convSparse: ([x = 0, , , , , ...numbers], batch, memory) => {
    const [sizes, outputs] = pooledOf(numbers, batch)
    return pooledCost(sizes, outputs, outputs * total(tapsUnder(memory, x, sizes, true)), false)
  },
  convRowsFilters: ([, inputs = 0, outputs = 0, high = 0, wide = 0]) =>
    moved(`[${high}, ${wide}, ${inputs}, ${outputs}]`, high * wide * inputs * outputs),
  convRowsFilterGrad: ([, , at = 0, , , batch = 0, ...numbers], _, memory) =>
    ofWinners(memory, at, ...pooledOf(numbers, batch)),
  convRowsInputGrad: ([, , at = 0, , ...numbers], batch, memory) => ofWinners(memory, at, ...pooledOf(numbers, batch)),
  softmaxCrossEntropyRows: ([, , classes = 0], batch) => rowsOf(batch, classes, 10, 2),
  softmaxCrossEntropySummary: ([, , batch = 0]) => rowsOf(batch, 2, 1, 2),
  matMul: ([m = 0, n = 0, k = 0]) => ({
    ...{ shape: `[${m}, ${k}] x [${k}, ${n}]`, flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) },
  }),
  convolution: ([, , , , batch = 0, ...sizes]) => convolved(sizes, batch),
  addBias: ([, rows = 0, columns = 0]) => rowsOf(rows, columns, 1, 2),
  directConvolution: ([, , , , ...sizes], batch) => convolved(sizes, batch),
  directFilterGrad: ([, , , batch = 0, ...sizes]) => convolved(sizes, batch),
  singleConvolution: ([, , , , height = 0, width = 0, rows = 0, columns = 0, ...sizes], batch) =>
    convolved([height, width, 1, rows, columns, ...sizes], batch),
  singleFilterGrad: ([, , , batch = 0, , height = 0, width = 0, rows = 0, columns = 0, ...sizes]) =>
    convolved([height, width, 1, rows, columns, ...sizes], batch),
  singleShardsSum: ([, , , shards = 0], elements) => rowsOf(shards, elements, 1, 1),
  turnFilter: ([, high = 0, wide = 0, inputs = 0, outputs = 0]) =>
    moved(`[${high}, ${wide}, ${inputs}, ${outputs}]`, high * wide * inputs * outputs),
  columnPartials: ([what = 0, , rows = 0, columns = 0]) =>
    rowsOf(rows, columns, [1, 3, 4][what] ?? 1, what === 2 ? 2 : 1),
  biasSums: ([, shards = 0], columns) => rowsOf(shards, columns, 1, 2),
  maxPool: pool(2, 1),
  averagePool: pool(2, 1),
  averagePoolGrad: pool(2, 1),
  maxPoolGrad: pool(3, 2),
  dropoutMask: ([, batch = 0, positions = 0, channels = 0]) => rowsOf(batch * positions, channels, 0, 1),
  batchNormMeans: ([, shards = 0], channels) => rowsOf(shards, channels, 1, 2),
  batchNormDeviations: ([, shards = 0], channels) => rowsOf(shards, channels, 1, 2),
  batchNormValues: ([, , , , , , channels = 0], rows) => rowsOf(rows, channels, 2, 2),
  batchNormSums: ([, shards = 0], channels) => rowsOf(shards, channels, 2, 4),
  batchNormGrad: ([, , , , , , , , rows = 0, channels = 0]) => rowsOf(rows, channels, 5, 3),
  countBatch: () => ({ shape: '[1]', flops: 1, bytes: 8 }),
  clearMemory: ([, bytes = 0]) => ({ shape: `${bytes} bytes`, flops: 0, bytes }),
  sumOfSquares: ([, size = 0]) => ({ shape: `[${size}]`, flops: 2 * size, bytes: 4 * size }),
  clip: ([, size = 0]) => ({ shape: `[${size}]`, flops: 2 * size, bytes: 8 * size }),
}

/**
 * What a call needs, of the values that lie in memory now.
 *
 * @throws Error for a kernel that nothing is known of
 */
export const costOf = (
  { kernel, parameters, items }: Pick<Call, 'kernel' | 'parameters' | 'items'>,
  memory: WebAssembly.Memory,
): Cost => {
  const each = perElement[kernel]
  if (each) return { shape: `[${items}]`, flops: each[0] * items, bytes: 4 * each[1] * items }
  const count = counts[kernel]
  if (!count)
    throw new Error(`nothing is known of what the kernel ${kernel} costs: add it to tooling/bench/kernel-costs.ts`)
  return count(parameters, items, memory)
}
