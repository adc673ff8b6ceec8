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
}

/**
 * Makes a thread's part of a call. Needs nothing but its parameters, as it is sent to other threads as text.
 *
 * @param rounds ranges that the thread gets
 */
export const callPart = (
  kernel: (...parameters: number[]) => unknown,
  { parameters, items, grain, stride }: Pick<Call, 'parameters' | 'items' | 'grain' | 'stride'>,
  thread: number,
  threads: number,
  rounds: number,
): void => {
  if (items === 0) {
    if (thread === 0) kernel(...parameters)
    return
  }
  const at = parameters.length - 3
  const room = parameters[at] as number
  parameters[at] = room + thread * stride
  const grains = Math.ceil(items / grain)
  const pieces = threads * rounds
  for (let piece = thread; piece < pieces; piece += threads) {
    const from = Math.floor((grains * piece) / pieces) * grain
    const to = Math.min(Math.floor((grains * (piece + 1)) / pieces) * grain, items)
    if (from >= to) continue
    parameters[at + 1] = from
    parameters[at + 2] = to
    kernel(...parameters)
  }
  parameters[at] = room
}

/** Makes calls on this thread alone. */
export const callAlone = (kernels: KernelExports, call: Call): void => {
  callPart(kernels[call.kernel], call, 0, 1, 1)
}
