/** What to try where a loss grew without bound: a learning rate that is known to work, or a smaller one than was taken. */
export const rateAdvice = (rate: number, working: number): string =>
  rate > working
    ? `try a learning rate of ${shown(working)}, which is known to work`
    : `try a smaller learning rate, such as ${shown(rate / 10)}`

/** A number in three digits at most. */
export const shown = (value: number): string => String(Number(value.toPrecision(3)))
