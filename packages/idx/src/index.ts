export { IdxError, idxTypes, type IdxArray, type IdxArrayOf, type IdxData, type IdxType } from './format'
export { decodeIdx, readIdx, unpackIdx, type ReadOptions } from './read'
export { streamIdx, type IdxStream } from './stream'
export { writeIdx } from './write'
