export type { StateDict, StateEntry } from '@digitlab/models'
export { countEntry, withCounts, type IntegerEntry, type WeightsContents } from './contents'
export type { IntegerArray } from './element-types'
export { checkFinite } from './finite'
export {
  findModel,
  weightsMetadata,
  withoutPrefix,
  type FindModelOptions,
  type FoundModel,
  type MetadataContents,
} from './model-of-weights'
export { normalizationIn, type Normalization } from './normalization'
export type { ReadExternal } from './onnx-tensor'
export { readOnnx, type ReadOnnxOptions } from './read-onnx'
export { writeOnnx, type OnnxOptions } from './write-onnx'
export { readPth, type PthOptions } from './pth'
export { writePth } from './write-pth'
export { readSafetensors } from './read-safetensors'
export { writeSafetensors, type MetadataOptions } from './write-safetensors'
export { readWeights, type ReadWeightsOptions } from './read-weights'
export { writeTfjs, type TfjsOptions } from './write-tfjs'
export { WeightsError } from './weights-error'
