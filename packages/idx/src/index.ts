export { IdxError, idxTypes, type IdxArray, type IdxArrays, type IdxData, type IdxType } from './format'
export { decodeIdx, readIdx, unpackIdx, type ReadOptions } from './read'
export { streamIdx, type IdxStream } from './stream'
export { writeIdx } from './write'
