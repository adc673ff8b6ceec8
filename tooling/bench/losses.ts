// A wrong kernel must not win: before anything is timed, the first losses of every side are held to one another.

/**
 * How far two sides may be apart in the mean loss of a step: sums of another order differ in the last bits of float32,
 * and in the cnn a pooling winner or a ReLU that the last bit decides sends them apart from there.
 */
const tolerances: { readonly firstStep: number; readonly later: Readonly<Record<string, number>> } = {
  firstStep: 1e-5,
  later: {
    ...{ linear: 1e-4, 'two-layer': 1e-4, mlp: 1e-4, 'lenet-5': 1e-4, cnn: 3e-3, sprint: 3e-2, champion: 3e-2 },
    // Ten times what PyTorch's own two convolutions, oneDNN's and its native one, are apart within 20 steps from seed 0; from seeds 0 to 5
    // it is 6.6e-6 to 1.2e-2, and a net in float64 with the same weights is up to 1.2e-2 from each. The rate of 0.1 throws the first
    // losses up to 17, and a winner of pooling that the last bit decides moves the statistics of a whole batch.
    'cnn-batch-norm': 3e-2,
    ...{ 'jax-mlp': 3e-3, 'jax-convnet': 3e-3 }, // Adam divides by what is small at first
    'pytorch-example': 0.1, // Adadelta at a rate of 1: PyTorch on one thread is as far from itself
  },
}

/** How far the losses of a side are from those of another. */
export interface Agreement {
  readonly id: string
  readonly against: string
  readonly steps: number
  readonly largest: number
  readonly agrees: boolean
}

/**
 * @param sides each with the losses of its first steps from the same seed
 * @param trusted the ids that may be compared with, the first that is there is taken
 */
export const compareLosses = (
  model: string,
  sides: readonly { readonly id: string; readonly losses: readonly number[] }[],
  trusted: readonly string[],
): Agreement[] => {
  const reference = trusted.map((id) => sides.find((side) => side.id === id)).find((side) => side !== undefined)
  if (!reference) throw new Error(`expected one of ${trusted.join(', ')} to compare losses with, none was there`)
  return sides.map(({ id, losses }) => {
    const steps = Math.min(losses.length, reference.losses.length)
    const differences = losses.slice(0, steps).map((loss, i) => Math.abs(loss - (reference.losses[i] ?? NaN)))
    const largest = Math.max(...differences)
    // Written so that NaN does not agree.
    const [first = NaN] = differences
    const later = tolerances.later[model] ?? NaN
    const agrees = first <= tolerances.firstStep && differences.every((d) => d <= later)
    return { id, against: reference.id, steps, largest, agrees }
  })
}
