// How data-parallel workers agree on a gradient: shared memory, two slots a worker, one barrier a step.
//
// A worker writes the gradient of its share of step n to its slot n mod 2, counts up, waits for the others' counts and
// sums all slots in one order. Whoever writes step n + 2 has seen every count at n + 2, so everyone has summed step n: two
// slots are enough. Each worker then takes the same optimizer step on weights of its own, which stay equal to the bit.

/** Whether threads can share memory here: always in Node, in a page where it is cross-origin isolated. */
export const canShareMemory = (): boolean =>
  typeof SharedArrayBuffer !== 'undefined' &&
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false

/** The shared memory of a team. */
export interface SharedState {
  /** [0] is 1 to stop after the current step; [1 + w] counts the gradients that worker w has written. */
  readonly control: SharedArrayBuffer
  /** float32 [2, workers, length] */
  readonly slots: SharedArrayBuffer
  readonly workers: number
  /** All gradients, then the batch's loss and how many were right. */
  readonly length: number
}

export const createSharedState = (workers: number, length: number): SharedState => ({
  control: new SharedArrayBuffer(4 * (1 + workers)),
  slots: new SharedArrayBuffer(4 * 2 * workers * length),
  workers,
  length,
})

/** How long to watch for the others before the thread is given back, in milliseconds: a wake-up costs some 50 us. */
const watching = 0.2

export interface Exchange {
  /** Where this worker writes its share of step `n`, counted from 0. */
  own(n: number): Float32Array
  /** Every worker's share of step `n`, in their order. */
  all(n: number): readonly Float32Array[]
  /** Tells the others that `own(n)` is written. */
  publish(n: number): void
  /**
   * Waits for everyone's share of step `n`.
   *
   * @param milliseconds at most, then false
   */
  wait(n: number, milliseconds: number): boolean
  stopped(): boolean
  stop(): void
  /** Before the first step, by whoever leads. */
  reset(): void
}

/** @param taking the first so many workers take part */
export const createExchange = (state: SharedState, index: number, taking = state.workers): Exchange => {
  const control = new Int32Array(state.control)
  const { workers, length } = state
  const slot = (n: number, worker: number) =>
    new Float32Array(state.slots, 4 * length * ((n % 2) * workers + worker), length)
  const slots = [0, 1].map((n) => Array.from({ length: taking }, (_, worker) => slot(n, worker)))
  const late = (n: number): number => {
    for (let worker = 0; worker < taking; worker++) if (Atomics.load(control, 1 + worker) <= n) return 1 + worker
    return 0
  }
  const block = blockOn(control)
  return {
    own: (n) => slot(n, index),
    all: (n) => slots[n % 2] as Float32Array[],
    publish(n) {
      Atomics.store(control, 1 + index, n + 1)
      Atomics.notify(control, 1 + index)
    },
    wait(n, milliseconds) {
      const from = performance.now()
      for (;;) {
        let missing = 0
        for (let look = 0; look < 200; look++) if ((missing = late(n)) === 0) return true
        const waited = performance.now() - from
        if (waited >= milliseconds) return false
        if (waited > watching) block(missing, milliseconds - waited)
      }
    },
    stopped: () => Atomics.load(control, 0) === 1,
    stop() {
      Atomics.store(control, 0, 1)
    },
    reset() {
      for (let i = 0; i < control.length; i++) Atomics.store(control, i, 0)
    },
  }
}

/** Sleeps until a count changes; a page's own thread may not sleep and goes on watching. */
const blockOn = (control: Int32Array) => {
  let mayBlock = true
  return (index: number, milliseconds: number): void => {
    if (!mayBlock) return
    try {
      const seen = Atomics.load(control, index)
      // A short limit, as a stop does not change the count.
      Atomics.wait(control, index, seen, Math.min(milliseconds, 50))
    } catch {
      mayBlock = false
    }
  }
}
