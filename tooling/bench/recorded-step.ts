// The kernel calls of a training step, as backend-wasm records them, while their memory holds what a run has in it.
import { wasmBackend } from '@digitlab/backend-wasm'
import type { Dataset } from '@digitlab/data'
import { runExperiment, type Experiment, type RunOptions } from '@digitlab/train'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { backend as currentBackend } from '@tensorflow/tfjs-core'
import type { Call } from '../../packages/backend-wasm/src/calls'
import {
  instanceOf,
  type Instance,
  type Note,
  type Share,
  type VaryingShared,
} from '../../packages/backend-wasm/src/instance'
import { kernelNames, type KernelExports } from '../../packages/backend-wasm/src/module'
import { prepare } from '../../packages/backend-wasm/src/prepare'
import { record } from '../../packages/backend-wasm/src/record'

/** A call that threads can share, or something between calls that only one of them does, with the kernels that it uses. */
export type Part = { readonly call: Call } | { readonly uses: readonly Call[]; readonly run: () => void }

export interface RecordedStep {
  readonly instance: Instance
  readonly parts: readonly Part[]
}

/** As the last three parameters have it of a call that is split. */
const withRoom = (call: Call, room: number): Call =>
  call.items === 0 ? call : { ...call, parameters: call.parameters.with(-3, call.stride === 0 ? 0 : room) }

/** What a repetition of the step does. @param room scratch memory for as many threads as there will be */
const partsOf = (notes: readonly Note[], { kernels }: Instance, room: number): readonly Part[] => {
  const variables = { start: 0, step: 2 }
  const callsOf = (note: VaryingShared): readonly Call[] => {
    const calls: Call[] = []
    const share: Share = (kernel, { items, grain = 1, waits = true }, ...parameters) =>
      void calls.push({ kernel, parameters: [...parameters, 0, 0, items], items, grain, stride: 0, waits })
    note(share, variables)
    return calls
  }
  return prepare(notes, callsOf, variables).parts.flatMap((part): Part[] => {
    if (typeof part !== 'function') return part.calls.map((call) => ({ call: withRoom(call, room) }))
    const uses: Call[] = []
    const named = kernelNames.map((name) => [
      name,
      (...parameters: number[]) => {
        uses.push({ kernel: name, parameters, items: 0, grain: 1, stride: 0, waits: true })
        return kernels[name](...parameters)
      },
    ])
    part(Object.fromEntries(named) as KernelExports, variables)
    return [{ uses, run: () => part(kernels, variables) }]
  })
}

/**
 * Trains for some steps, and looks at the recording of one before the run ends.
 *
 * @throws Error where the steps could not be recorded
 */
export const lookAtStep = async (
  experiment: Experiment,
  data: Dataset,
  { steps, threads }: { readonly steps: number; readonly threads: number },
  look: (step: RecordedStep) => Promise<void>,
): Promise<void> => {
  let noted: readonly Note[] | undefined
  const wasm = wasmBackend()
  const instance = () => instanceOf(currentBackend() as BackendWasm)
  const controller = new AbortController()
  const onProgress: RunOptions['onProgress'] = async ({ type, ...progress }) => {
    if (type !== 'step' || !('step' in progress) || progress.step !== steps) return
    if (!noted) throw new Error('the steps of this experiment were not recorded')
    const bytes = Math.max(0, ...noted.map((note) => ('stride' in note ? note.stride : 0)))
    const room = instance().scratch(threads * bytes + 64, 'rooms of the bench')
    await look({ instance: instance(), parts: partsOf(noted, instance(), 64 * Math.ceil(room / 64)) })
    controller.abort()
  }
  const backend: typeof wasm = {
    ...wasm,
    record(compute) {
      const own = instance()
      return record(
        {
          ...own,
          noting(notes, inner) {
            noted = notes
            return own.noting(notes, inner)
          },
        },
        compute,
      )
    },
  }
  await runExperiment(experiment, { data, backend, workers: 1, onProgress, signal: controller.signal })
}
