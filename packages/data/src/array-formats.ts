// Formats that hold arrays with names. What reads one is loaded when a file of it is met.
import type { ByteSource } from '@digitlab/idx'
import type { DecodePicture } from './picture-pixels'
import type { StoredArray } from './stored-array'

/** A file of such a format. */
export interface ArrayFile {
  readonly name: string
  /** A stream of it, for who reads it in pieces. */
  readonly open: () => ByteSource
  /** All of it. */
  readonly read: () => Promise<Uint8Array>
}

/** What decides how a file is read. */
export interface ReadContext {
  /** The size of its images, [height, width], where it does not say so, or pictures in it are brought to one. */
  readonly size?: readonly [height: number, width: number]
  /** Pictures are brought into MNIST's form, as one of a digit is. */
  readonly asMnist?: boolean
  /** How many values a pixel of a picture is to have: 1 by default. */
  readonly channels?: 1 | 3
  /** What reads pictures other than PNG. */
  readonly decodePicture?: DecodePicture
  /** Told what was decided on the way. */
  readonly onNotice?: (sentence: string) => void
}

/** Reads the headers of all arrays in a file. @throws DataError if it is damaged or hostile */
export type ReadArrays = (file: ArrayFile, context?: ReadContext) => Promise<readonly StoredArray[]>

interface ArrayFormat {
  /** 'NumPy (.npz)' */
  readonly name: string
  /** Whether a file that begins so is of this format. */
  readonly is: (beginning: Uint8Array) => boolean | Promise<boolean>
  readonly load: () => Promise<ReadArrays>
}

const starts =
  (...bytes: readonly number[]) =>
  (beginning: Uint8Array): boolean =>
    bytes.every((byte, i) => beginning[i] === byte)

export const isZip = starts(0x50, 0x4b, 0x03, 0x04)

const formats: readonly ArrayFormat[] = [
  { name: 'NumPy (.npz)', is: isZip, load: async () => (await import('./npy')).arraysInNpz },
  {
    name: 'NumPy (.npy)',
    is: starts(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59),
    load: async () => (await import('./npy')).arraysInNpy,
  },
  {
    name: 'Parquet',
    is: starts(0x50, 0x41, 0x52, 0x31),
    load: async () => (await import('./parquet')).arraysInParquet,
  },
  {
    name: 'safetensors',
    // the length of a header, then an object
    is: (beginning) => beginning[8] === 0x7b && beginning.subarray(3, 8).every((byte) => byte === 0),
    load: async () => (await import('./safetensors')).arraysInSafetensors,
  },
  {
    name: 'CSV',
    is: async (beginning) => looksLikeText(beginning) && (await import('./csv')).isCsv(beginning),
    load: async () => (await import('./csv')).arraysInCsv,
  },
]

const looksLikeText = (beginning: Uint8Array): boolean =>
  beginning.length > 2 &&
  beginning
    .subarray(0, 16)
    .every((byte) => byte === 0xef || byte === 0xbb || byte === 0xbf || (byte >= 0x09 && byte < 0x7f))

/**
 * What reads a file, by the bytes with which it begins.
 *
 * @param beginning unpacked where the file is gzip
 * @returns undefined for IDX and whatever is unknown
 */
export const formatOf = async (
  beginning: Uint8Array,
): Promise<{ readonly name: string; readonly read: ReadArrays } | undefined> => {
  for (const { name, is, load } of formats) if (await is(beginning)) return { name, read: await load() }
  return undefined
}
