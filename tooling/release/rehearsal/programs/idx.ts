import { decodeIdx, IdxError, readIdx, writeIdx, type IdxArray } from '@digitlab/idx'

const labels: IdxArray = readIdx(writeIdx({ type: 'int32', shape: [2, 2], data: Int32Array.of(1, -2, 3, -4) }))
const told = (error: unknown): string => (error instanceof IdxError ? error.message : 'something else')
if (labels.type !== 'int32') throw new Error('the type was lost')
const sum: number = labels.data.reduce((total: number, value: number) => total + value, 0)
decodeIdx(Uint8Array.of(1, 2, 3)).then(
  () => console.log('three bytes were taken for a file'),
  (error: unknown) => console.log(JSON.stringify({ shape: labels.shape, sum, told: told(error).length > 0 })),
)
