// A second stream, in which a graph that is captured from the first gets a branch.
import { call, handleFrom, type Driver } from './driver'

interface Branch {
  /** Makes what a capture needs, before it begins. */
  prepare(): void
  /** At the beginning of a capture: what is forked waits for nothing later than this. */
  begin(): void
  /** The stream of the branch, which becomes part of the capture. */
  fork(): bigint
  /** What follows on the first stream waits for the branch; nothing where it has nothing new. */
  join(): void
  dispose(): void
}

const flags = { streamNonBlocking: 1, eventWithoutTiming: 2 } as const

export const createBranch = (api: Driver, stream: bigint): Branch => {
  let made: { readonly side: bigint; readonly begun: bigint; readonly ended: bigint } | undefined
  let [forked, open] = [false, false]
  const resources = () =>
    (made ??= {
      side: handleFrom(api, 'cuStreamCreate', flags.streamNonBlocking),
      begun: handleFrom(api, 'cuEventCreate', flags.eventWithoutTiming),
      ended: handleFrom(api, 'cuEventCreate', flags.eventWithoutTiming),
    })
  return {
    prepare: () => void resources(),
    begin() {
      ;[forked, open] = [false, false]
      call(api, 'cuEventRecord', resources().begun, stream)
    },
    fork() {
      const { side, begun } = resources()
      if (!forked) call(api, 'cuStreamWaitEvent', side, begun, 0)
      ;[forked, open] = [true, true]
      return side
    },
    join() {
      if (!open) return
      const { side, ended } = resources()
      call(api, 'cuEventRecord', ended, side)
      call(api, 'cuStreamWaitEvent', stream, ended, 0)
      open = false
    },
    dispose() {
      if (!made) return
      call(api, 'cuStreamDestroy', made.side)
      call(api, 'cuEventDestroy', made.begun)
      call(api, 'cuEventDestroy', made.ended)
      made = undefined
    },
  }
}
