/** An array in tfjs's layout. */
export interface Layout {
  /** As tfjs has it. */
  readonly shape: readonly number[]
  /** Where a value of it stands in PyTorch's array. */
  readonly source: (index: number) => number
}

/** As PyTorch has it. */
export const sameLayout = (shape: readonly number[]): Layout => ({ shape, source: (i) => i })

/** Filters: [out, in, height, width] in PyTorch, [height, width, in, out] in tfjs. */
export const filterLayout = ([out, inputs, height, width]: readonly [number, number, number, number]): Layout => ({
  shape: [height, width, inputs, out],
  source: (i) => {
    const o = i % out
    const channel = Math.floor(i / out) % inputs
    const tap = Math.floor(i / (out * inputs)) // row of the kernel x its width + column
    return (o * inputs + channel) * height * width + tap
  },
})

/** Where a feature of tfjs's order, which is height, width, channel, stands in PyTorch's, which is channel, height, width. */
const featureOf = (flattened: readonly [number, number, number] | undefined): ((feature: number) => number) => {
  if (!flattened) return (feature) => feature
  const [height, width, channels] = flattened
  return (feature) => (feature % channels) * height * width + Math.floor(feature / channels)
}

/**
 * The weight of a dense layer: [out, in] in PyTorch, [in, out] in tfjs, its inputs in the order in which each flattens an image.
 *
 * @param flattened of the layer's place
 */
export const denseLayout = (
  [out, inputs]: readonly [number, number],
  flattened: readonly [number, number, number] | undefined,
): Layout => {
  const feature = featureOf(flattened)
  return { shape: [inputs, out], source: (i) => (i % out) * inputs + feature(Math.floor(i / out)) }
}

/** One value a feature, such as the scale of a normalization: [features] in both, in the order in which each flattens an image. */
export const featureLayout = (features: number, flattened: readonly [number, number, number] | undefined): Layout => ({
  shape: [features],
  source: featureOf(flattened),
})
