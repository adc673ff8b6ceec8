/** Finds out how many of some threads are fastest, from the steps themselves: which number takes a step changes no bit of it. */
export interface Tuner {
  /** How many take the next step. */
  next(): number
  /** How long it took, in milliseconds. */
  took(milliseconds: number): void
}

/** How long a number is tried: so many steps at least and so many milliseconds, in which a thread that is kept from its processor shows. */
const [leastSteps, leastTime] = [6, 40]
/** First steps of a trial that do not count, while threads wake up and code is compiled. */
const ignored = 3
/** After so many milliseconds all are tried again: machines get busy, and idle again. */
const again = 3000

/** @param count of the threads: this many, half of them, a quarter ... are tried, and one */
export const createTuner = (count: number): Tuner => {
  const candidates: number[] = []
  for (let n = count; n > 1; n = Math.ceil(n / 2)) candidates.push(n)
  candidates.push(1)
  let [candidate, steps, time, best] = [0, 0, 0, count]
  let found: { readonly threads: number; readonly time: number }[] = []
  return {
    next: () => candidates[candidate] ?? best,
    took(milliseconds) {
      if (++steps > ignored) time += milliseconds
      if (candidate === candidates.length) {
        if (time > again) [candidate, steps, time, found] = [0, 0, 0, []]
        return
      }
      const counted = steps - ignored
      if (counted < leastSteps || time < leastTime) return
      found.push({ threads: candidates[candidate] as number, time: time / counted })
      ;[steps, time] = [0, 0]
      candidate++
      if (candidate === candidates.length)
        best = found.reduce((least, one) => (one.time < least.time ? one : least)).threads
    },
  }
}
