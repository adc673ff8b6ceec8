export type { StateDict, StateEntry } from '@digitlab/models'
export { checkFinite } from './finite'
export { readSafetensors, writeSafetensors } from './safetensors'
export { WeightsError } from './weights-error'
