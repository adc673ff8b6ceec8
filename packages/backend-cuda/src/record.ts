import type { Recording, StepVariables } from '@digitlab/backends'
import { Tensor, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import type { Launched, Pending } from './device'
import type { LentGenerator } from './lent-generators'

/** Results of steps that the GPU keeps, and those that it hands over with one copy. */
const slots = 256
const chunk = 64
/** The most values of a step's result that are kept. */
const mostValues = 16

/** The struct Variables of `cuda/device.cuh`: start, step, slot, nothing, and the options that change. */
const variablesBytes = 32
const optionsAt = 16

/** What the struct holds of the optimizer's options: NaN stands for those of the launch. */
const optionsOf = (values: StepVariables['values']): Float64Array =>
  Float64Array.of(values?.['learningRate'] ?? NaN, values?.['momentum'] ?? values?.['beta1'] ?? NaN)

/** Options that kernels read from the struct. */
const varied = ['learningRate', 'momentum', 'beta1']

/** Results of `chunk` steps on their way to the host. */
interface Chunk {
  /** The first step, counted from the recorded one. */
  readonly first: number
  read: Pending | undefined
}

/**
 * Notes the kernels that a computation launches and makes a CUDA graph of them, so that a repetition is one call of the driver.
 *
 * The computation runs as it always does, and the graph launches the same kernels on the same addresses. What it disposes of is
 * freed with the recording. The start of the batch and the number of the step are in device memory, where the graph's own last
 * kernel (`cuda/step.cu`) moves them on; the host writes them only where the next step is not the one expected. The options of the
 * optimizer that change are beside them, and written where they did. That kernel also
 * keeps the result, so that results of many steps come with one copy.
 */
export const record = <T>(
  tensors: CudaTensors,
  compute: () => T,
): { readonly result: T; readonly recording: Recording | undefined } => {
  const { device } = tensors
  const launches: Launched[] = []
  const held: TensorInfo['dataId'][] = []
  const drawnFrom = new Set<LentGenerator>()
  const transfersBefore = tensors.transfers
  const release = () => {
    for (const dataId of held.splice(0)) tensors.disposeData(dataId, true)
  }
  let result: T
  tensors.held = held
  tensors.generators.taken = drawnFrom
  device.listener = (launched) => void launches.push(launched)
  try {
    result = compute()
  } catch (error) {
    tensors.held = undefined
    release()
    throw error
  } finally {
    tensors.held = undefined
    tensors.generators.taken = undefined
    device.listener = undefined
  }
  // Values that came from the host, or went there, would be those of the first time for ever.
  if (tensors.transfers !== transfersBefore || launches.length === 0) {
    release()
    return { result, recording: undefined }
  }
  return { result, recording: createRecording(tensors, { launches, drawnFrom }, firstTensor(result), release) }
}

const firstTensor = (result: unknown): Tensor | undefined => {
  const first: unknown = Array.isArray(result) ? result[0] : result
  return first instanceof Tensor && first.dtype === 'float32' && first.size <= mostValues ? first : undefined
}

const createRecording = (
  tensors: CudaTensors,
  { launches, drawnFrom }: { readonly launches: readonly Launched[]; readonly drawnFrom: ReadonlySet<LentGenerator> },
  result: Tensor | undefined,
  release: () => void,
): Recording => {
  const { device } = tensors
  const values = result?.size ?? 0
  const state = device.memory.take(variablesBytes)
  const results = device.memory.take(Math.max(4, 4 * slots * values))
  const address = result ? tensors.address(result) : 0
  const batch = batchOf(launches)
  for (const generator of drawnFrom) generator.retain()
  const endOfStep = {
    kernel: 'endOfStep',
    blocks: [1] as const,
    threads: 32,
    arguments: [address, values, results, slots, batch, state],
  }
  device.upload(state, Int32Array.of(0, 0, 0, 0))
  device.upload(state + optionsAt, optionsOf(undefined))
  device.launch(endOfStep) // for the step that was just run
  const graph = device.capture(() => {
    for (const launched of launches) device.relaunch(launched, state)
    device.launch(endOfStep)
  })
  let expected: StepVariables | undefined
  let last = optionsOf(undefined)
  let disposed = false
  let count = 0 // of steps whose results were kept, the recorded one among them
  let newest: Chunk = { first: 0, read: undefined }
  const read = (first: number, steps: number): Pending =>
    device.read(results + 4 * values * (first % slots), 4 * values * steps)
  const kept = () => {
    if (count % chunk === 0) newest = { first: count, read: undefined }
    count++
    if (count % chunk === 0) newest.read = read(newest.first, chunk)
  }
  kept()
  return {
    replay({ start, step, values }) {
      if (disposed || Object.keys(values ?? {}).some((name) => !varied.includes(name))) return false
      if (start !== expected?.start || step !== expected.step)
        device.upload(state, Int32Array.of(start, step, count % slots))
      const options = optionsOf(values)
      if (options.some((value, i) => !Object.is(value, last[i]))) device.upload(state + optionsAt, options)
      last = options
      for (const generator of drawnFrom) generator.lend()
      graph.launch()
      expected = { start: start + batch, step: step + 1 }
      kept()
      return true
    },
    latest() {
      const [own, at] = [newest, count - 1]
      return async () => {
        // A chunk that is not whole yet is read as far as it is needed.
        const pending = own.read ?? read(own.first, at - own.first + 1)
        return new Float32Array(await pending(), 4 * values * (at - own.first), values)
      }
    },
    dispose() {
      if (disposed) return
      disposed = true
      newest.read?.().catch(() => {}) // what nobody asked for any more
      graph.dispose()
      device.memory.give(state)
      device.memory.give(results)
      for (const generator of drawnFrom) generator.release()
      release()
    },
  }
}

/** Images that a step takes from the order: by how many its start moves on. */
const batchOf = (launches: readonly Launched[]): number =>
  launches.find(({ launch }) => launch.kernel === 'gatherBatch')?.launch.blocks[0] ?? 0
