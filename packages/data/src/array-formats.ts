// Formats that hold arrays with names. What reads one is loaded when a file of it is met.
import type { StoredArray } from './stored-array'

/** A file of such a format, whole. */
export interface ArrayFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Reads the headers of all arrays in a file. @throws DataError where it is damaged or hostile */
export type ReadArrays = (file: ArrayFile) => Promise<readonly StoredArray[]>

interface ArrayFormat {
  readonly starts: readonly number[]
  load(): Promise<ReadArrays>
}

const formats: readonly ArrayFormat[] = [
  { starts: [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], load: async () => (await import('./npy')).arraysInNpy },
  { starts: [0x50, 0x4b, 0x03, 0x04], load: async () => (await import('./npy')).arraysInNpz },
]

/** What reads a file, by the bytes with which it begins; undefined for IDX, gzip and whatever is unknown. */
export const formatOf = async (beginning: Uint8Array): Promise<ReadArrays | undefined> =>
  formats.find(({ starts }) => starts.every((byte, i) => beginning[i] === byte))?.load()
