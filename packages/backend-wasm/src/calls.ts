import type { KernelExport, KernelExports } from './module'

/** A call of a kernel, by numbers alone, so that any thread can make its part of it. */
export interface Call {
  readonly kernel: KernelExport
  /** What the kernel is called with; where the call is split, the last three are a thread's room, `from` and `to`. */
  readonly parameters: number[]
  /** Elements of the result that threads share; 0 where one thread computes all of it. */
  readonly items: number
  /** A range begins at a multiple of this. */
  readonly grain: number
  /** Bytes between the rooms of two threads. */
  readonly stride: number
  /** Whether what comes after it needs what it writes. */
  readonly waits: boolean
  /** Where ranges of the same size take different times: the smallest part, in grains, of what a thread has left that others may take from it. */
  readonly uneven?: number
}

/** Where threads note what was taken of a call that is uneven: an int32 for each thread from a place on, zero at first. */
export interface Claims {
  readonly words: Int32Array
  readonly at: number
}

/**
 * Makes a thread's part of a call. Needs nothing but its parameters, as it is sent to other threads as text.
 *
 * Of an uneven call a thread takes the first half of its range, then half of what is left, and so on; once it has none left, it takes what others
 * have left in the same way. Whoever computes an element, it is the same sum.
 *
 * @param rounds ranges that the thread gets
 * @param claims undefined where each thread makes its own ranges alone
 */
export const callPart = (
  kernel: (...parameters: number[]) => unknown,
  { parameters, items, grain, stride, uneven = 0 }: Pick<Call, 'parameters' | 'items' | 'grain' | 'stride' | 'uneven'>,
  thread: number,
  threads: number,
  rounds: number,
  claims?: Claims,
): void => {
  if (items === 0) {
    if (thread === 0) kernel(...parameters)
    return
  }
  const at = parameters.length - 3
  const room = parameters[at] as number
  parameters[at] = room + thread * stride
  const grains = Math.ceil(items / grain)
  const make = (first: number, end: number) => {
    const [from, to] = [first * grain, Math.min(end * grain, items)]
    if (from >= to) return
    parameters[at + 1] = from
    parameters[at + 2] = to
    kernel(...parameters)
  }
  if (claims && uneven > 0)
    for (let turn = 0; turn < threads; turn++) {
      const owner = (thread + turn) % threads
      const end = Math.floor((grains * (owner + 1)) / threads)
      const count = end - Math.floor((grains * owner) / threads)
      for (;;) {
        const taken = Atomics.add(claims.words, claims.at + owner, 1)
        const left = Math.floor(count / 2 ** taken)
        if (left === 0 || (taken > 0 && left < uneven)) break
        const half = left >> 1
        make(end - left, end - (half < uneven ? 0 : half))
      }
    }
  else {
    const pieces = threads * rounds
    for (let piece = thread; piece < pieces; piece += threads)
      make(Math.floor((grains * piece) / pieces), Math.floor((grains * (piece + 1)) / pieces))
  }
  parameters[at] = room
}

/** Makes calls on this thread alone. */
export const callAlone = (kernels: KernelExports, call: Call): void => {
  callPart(kernels[call.kernel], call, 0, 1, 1)
}
