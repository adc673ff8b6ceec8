export { readNpy, readNpz, type NumpyArray } from './npy'
export type { NumericData } from './numbers'
