/** Mean and what is known of it. */
export interface Spread {
  readonly n: number
  readonly mean: number
  /** Sample standard deviation (of n - 1); null for a single value. */
  readonly deviation: number | null
  /** The 95 % interval of the mean, by Student's t; null for a single value. It takes the values for independent and about normal. */
  readonly interval: readonly [low: number, high: number] | null
}

/** Student's t at 0.975 for 1 to 30 degrees of freedom. */
const table = [
  ...[
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604, 2.1448,
    2.1314,
  ],
  ...[
    2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452,
    2.0423,
  ],
]

const normal = 1.959964

/** Student's t at 0.975. Beyond the table by its expansion about the normal quantile (Fisher and Cornish, 1960), right to four decimals. */
const quantile = (freedom: number): number =>
  table[freedom - 1] ??
  normal +
    (normal ** 3 + normal) / (4 * freedom) +
    (5 * normal ** 5 + 16 * normal ** 3 + 3 * normal) / (96 * freedom ** 2)

/** Mean, deviation and interval of values; undefined if there are none, or one of them is not a number. */
export const spreadOf = (values: readonly number[]): Spread | undefined => {
  const n = values.length
  if (n === 0 || !values.every(Number.isFinite)) return undefined
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (n === 1) return { n, mean, deviation: null, interval: null }
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1))
  const half = (quantile(n - 1) * deviation) / Math.sqrt(n)
  return { n, mean, deviation, interval: [mean - half, mean + half] }
}
