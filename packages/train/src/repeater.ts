import type { Backend, Recording } from '@digitlab/backends'
import { dispose, type Tensor } from '@tensorflow/tfjs-core'

/** Runs the same computation again and again, from its recording where the backend makes one. */
export interface Repeater {
  /**
   * @param size of the batch: a recording serves one size
   * @param repeatable whether it is likely to come again
   * @param again repeats a recording; false where that did nothing
   * @returns the computation's tensors, and whether they stay the repeater's: their values are those of the last run. Where the
   *   device runs behind the program, `latest` reads the first of them as this run leaves it
   */
  run(
    size: number,
    repeatable: boolean,
    again: (recording: Recording) => boolean,
    compute: () => Tensor[],
  ): {
    readonly tensors: readonly Tensor[]
    readonly kept: boolean
    readonly latest?: (() => Promise<ArrayLike<number>>) | undefined
  }
  /** Before the tensors that the computation reads become other ones. */
  forget(): void
}

/** A first try may fail because memory is still being laid out; a computation that can't be recorded never succeeds. */
const tries = 4

export const createRepeater = (record: Backend['record']): Repeater => {
  let held: { size: number; recording: Recording; tensors: readonly Tensor[] } | undefined
  let failures = 0
  const forget = () => {
    if (!held) return
    dispose([...held.tensors])
    held.recording.dispose()
    held = undefined
  }
  return {
    run(size, repeatable, again, compute) {
      if (held?.size === size) {
        if (again(held.recording)) return { tensors: held.tensors, kept: true, latest: held.recording.latest?.() }
        forget()
      }
      if (!record || !repeatable || failures === tries) return { tensors: compute(), kept: false }
      const { result: tensors, recording } = record(compute)
      if (!recording) {
        failures++
        return { tensors, kept: false }
      }
      forget()
      held = { size, recording, tensors }
      return { tensors, kept: true, latest: recording.latest?.() }
    },
    forget,
  }
}
