/** A loss in four decimals, or that it is none. */
export const lossText = (loss: number | null | undefined): string =>
  typeof loss === 'number' && Number.isFinite(loss) ? loss.toFixed(4) : 'no number'

/** A number with as many digits as tell it apart, in at most six characters beside its sign: 2, 0.05, 20000, 1e-7, 1e8, 1.5e12. */
export const shortNumber = (value: number): string => {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(0)
  const rounded = Number(value.toPrecision(3))
  return Math.abs(rounded) < 100_000 ? String(rounded) : rounded.toExponential().replace('+', '')
}

/** Round numbers from `low` to `high`, `low` above 0, for a logarithmic axis: 1, 2 and 5 of each power of ten, more where few fit. */
export const logTicks = (low: number, high: number): number[] => {
  const fitting = (leading: readonly number[]) => {
    const ticks: number[] = []
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
      for (const digit of leading) {
        const tick = Number(`${digit}e${power}`)
        if (tick >= low && tick <= high) ticks.push(tick)
      }
    return ticks
  }
  const [powers, fine, finest] = [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]].map(fitting) as [
    number[],
    number[],
    number[],
  ]
  if (powers.length > 4) return powers
  if (fine.length > 2) return fine
  return finest.length > 1 ? finest : linearTicks(low, high, 4)
}

/** Round numbers from `low` to `high`, about as many as asked for. */
export const linearTicks = (low: number, high: number, about: number): number[] => {
  const rough = (high - low) / Math.max(1, about)
  if (!(rough > 0)) return [low]
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((digit) => digit * power >= rough * 0.999) ?? 10) * power
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const ticks: number[] = []
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++)
    ticks.push(Number((n * step).toFixed(decimals)))
  return ticks
}

/** Whole numbers from 1 to `last`, about as many as asked for: 1, then round ones. */
export const countingTicks = (last: number, about: number): number[] => {
  if (last <= about) return Array.from({ length: last }, (_, n) => n + 1)
  const round = linearTicks(0, last, about).filter((tick) => Number.isInteger(tick) && tick >= 1)
  return round[0] !== undefined && round[0] > 1 ? [1, ...round] : round
}
