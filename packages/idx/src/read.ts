import {
  called,
  decodeElements,
  decodeInPlace,
  IdxError,
  parseHeader,
  shown,
  type IdxArray,
  type IdxHeader,
} from './format'
import { GzipReader, isGzip, mostInflation } from './gzip'
import { nativeGunzip } from './native-gunzip'
import { slicesOf, type Reader } from './pieces'

/** What is read, for those who read an error. */
export interface ReadOptions {
  /** The file's name in error messages. */
  readonly name?: string
}

/** What is read, and how much memory it may take. */
export interface UnpackOptions extends ReadOptions {
  /** The most bytes that compressed data, or one record of a stream, may announce and so take. 2 GiB by default. */
  readonly maxBytes?: number
}

/**
 * Reads an IDX file that is not compressed. For uint8 and int8 `data` is a view of `bytes`, without a copy.
 *
 * Source: Y. LeCun, "The IDX file format", on the page of the MNIST database.
 *
 * @throws IdxError if it is cut off, too long, or not IDX, with both sizes
 */
export const readIdx = (bytes: Uint8Array, { name }: ReadOptions = {}): IdxArray => {
  if (isGzip(bytes))
    throw new IdxError(`expected an IDX file, found a gzip file${called(name)}: read it with decodeIdx`)
  const header = parseHeader(bytes, name)
  if (!header) throw headerCutOff(bytes.length, name)
  const { type, shape, headerBytes, dataBytes } = header
  if (bytes.length !== headerBytes + dataBytes) throw wrongLength(header, `holds ${bytes.length}`, name)
  const data = decodeElements(type, bytes.subarray(headerBytes))
  return { type, shape, data } as IdxArray // decodeElements makes the array for the type
}

/**
 * Reads an IDX file, compressed with gzip or not, as its first bytes tell. A file of several gzip members is
 * their content one after the other; zeros behind them are left alone. Inflates as {@link unpackIdx} does.
 *
 * @throws IdxError as {@link readIdx}, and where the gzip data are damaged or announce more than `maxBytes`
 */
export const decodeIdx = async (bytes: Uint8Array, options: UnpackOptions = {}): Promise<IdxArray> => {
  if (!isGzip(bytes)) return readIdx(bytes, options)
  const { header, whole } = await inflate(bytes, options)
  const { type, shape, headerBytes } = header
  return { type, shape, data: decodeInPlace(type, whole.subarray(headerBytes)) } as IdxArray // as in readIdx
}

/**
 * The bytes of an IDX file without their compression; `bytes` itself if there is none. The memory is taken once, after the
 * header was looked at: nothing is inflated where it announces more than `maxBytes`, or than so short a file can hold, and
 * never more than it announces.
 *
 * @throws IdxError if the gzip data are damaged, inflate to something else than their header says, or announce too much
 */
export const unpackIdx = async (bytes: Uint8Array, options: UnpackOptions = {}): Promise<Uint8Array> =>
  isGzip(bytes) ? (await inflate(bytes, options)).whole : bytes

/** A whole file, its elements at a multiple of their size. */
const inflate = async (
  bytes: Uint8Array,
  options: UnpackOptions,
): Promise<{ readonly header: IdxHeader; readonly whole: Uint8Array<ArrayBuffer> }> => {
  const { name } = options
  const reader = new GzipReader(slicesOf(bytes), name)
  const { header, head } = await readHeader(reader, name)
  const { headerBytes, dataBytes } = header
  const total = headerBytes + dataBytes
  refuseLarger(total, 'the file', header, options)
  if (total > bytes.length * mostInflation)
    throw wrongLength(header, `has ${bytes.length} of gzip, which hold less`, name)
  // Elements begin at a multiple of their size, as in the memory that is taken here.
  const native = headerBytes % 8 === 0 || /8$/.test(header.type) ? await nativeGunzip(bytes, total) : undefined
  if (native && native.length < total) throw wrongLength(header, `inflates to ${native.length}`, name)
  if (native) return { header, whole: native }
  const whole = memoryFor(header, name)
  whole.set(head)
  const got = headerBytes + (await reader.fill(whole.subarray(headerBytes)))
  if (got < total) throw wrongLength(header, `inflates to ${got}`, name)
  if ((await reader.fill(new Uint8Array(1))) > 0) throw wrongLength(header, 'inflates to more', name)
  return { header, whole }
}

const memoryFor = (header: IdxHeader, name?: string): Uint8Array<ArrayBuffer> => {
  const { headerBytes, dataBytes } = header
  try {
    // Elements have 8 bytes at most, and a header a multiple of 4.
    const before = headerBytes % 8
    return new Uint8Array(new ArrayBuffer(before + headerBytes + dataBytes), before)
  } catch (cause) {
    throw new IdxError(
      `there is no memory for the ${dataBytes} bytes of ${shown(header.shape)} ${header.type}${called(name)}: give a smaller file`,
      { cause },
    )
  }
}

/** Reads as far as the header goes. @returns it, and its bytes */
export const readHeader = async (
  reader: Reader,
  name?: string,
): Promise<{ readonly header: IdxHeader; readonly head: Uint8Array }> => {
  let head = new Uint8Array(4)
  let count = await reader.fill(head)
  // Where the first two are no zeros, it is not an IDX file: what it is, more of it tells.
  const isIdx = head[0] === 0 && head[1] === 0
  const wanted = isIdx ? 4 + 4 * (head[3] ?? 0) : 512
  if (count === 4 && wanted > 4) {
    const longer = new Uint8Array(wanted)
    longer.set(head)
    count += await reader.fill(longer.subarray(4))
    head = longer
  }
  const header = parseHeader(head.subarray(0, count), name)
  if (!header) throw headerCutOff(count, name)
  return { header, head: head.subarray(0, count) }
}

export const wrongLength = (
  { type, shape, headerBytes, dataBytes }: IdxHeader,
  found: string,
  name?: string,
): IdxError =>
  new IdxError(
    `expected ${headerBytes + dataBytes} bytes for ${shown(shape)} ${type}, the file ${found}${called(name)}: it was cut off or changed, get it again`,
  )

const headerCutOff = (found: number, name?: string): IdxError =>
  new IdxError(`expected the header of an IDX file, the file ends after ${found} bytes${called(name)}: get it again`)

/** @throws IdxError if `bytes`, which the header announces for `what`, are more than the options allow */
export const refuseLarger = (
  bytes: number,
  what: string,
  { type, shape }: IdxHeader,
  { name, maxBytes = 2 ** 31 }: UnpackOptions,
): void => {
  if (bytes > maxBytes)
    throw new IdxError(
      `expected at most ${maxBytes} bytes, ${what} announces ${bytes} for ${shown(shape)} ${type}${called(name)}: raise maxBytes where that is right`,
    )
}
