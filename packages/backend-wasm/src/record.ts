import type { Recording } from '@digitlab/backends'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance, Note } from './instance'

type DataId = TensorInfo['dataId']

/**
 * Notes the kernels that a computation calls, with their addresses, so that they can be called again.
 *
 * What a repetition writes to must not become other tensors' memory: what the computation disposes of is freed with the
 * recording.
 */
export const record = <T>(
  instance: Instance,
  compute: () => T,
): { readonly result: T; readonly recording: Recording | undefined } => {
  const { backend, moves } = instance
  const notes: Note[] = []
  const freed: DataId[] = []
  let made = 0
  const { dataIdMap } = backend
  // In place of the prototype's methods while the computation runs.
  backend.disposeData = (dataId, force = false) => {
    if (!dataIdMap.has(dataId)) return true
    const data = dataIdMap.get(dataId)
    data.refCount--
    if (!force && data.refCount > 0) return false
    freed.push(dataId)
    return true
  }
  const set = dataIdMap.set.bind(dataIdMap)
  dataIdMap.set = (dataId, data) => {
    made++
    set(dataId, data)
  }
  const movesBefore = moves()
  const restore = () => {
    Reflect.deleteProperty(backend, 'disposeData')
    Reflect.deleteProperty(dataIdMap, 'set')
  }
  const dispose = () => {
    for (const dataId of freed.splice(0)) backend.disposeData(dataId, true)
  }
  let noted: { result: T; outputs: number }
  try {
    noted = instance.noting(notes, compute)
  } catch (error) {
    restore()
    dispose()
    throw error
  }
  restore()
  const { result, outputs } = noted
  // A tensor that none of our kernels made: a stock kernel ran, or values came from the host.
  const foreign = made !== outputs
  if (foreign || moves() !== movesBefore) {
    dispose()
    return { result, recording: undefined }
  }
  const repeat = instance.repeater(notes)
  return {
    result,
    recording: {
      replay(variables) {
        if (moves() !== movesBefore) return false
        repeat(variables)
        return true
      },
      dispose,
    },
  }
}
