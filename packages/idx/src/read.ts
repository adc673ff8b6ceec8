import { called, decodeElements, IdxError, parseHeader, shown, type IdxArray, type IdxHeader } from './format'
import { inflate, isGzip } from './gzip'
import { concatenate, slicesOf } from './pieces'

/** What is read, for those who read an error. */
export interface ReadOptions {
  /** How to call the file in an error. */
  readonly name?: string
}

/** What is read, and how much memory it may take. */
export interface UnpackOptions extends ReadOptions {
  /** The most bytes that compressed data, or one record of a stream, may announce and so take. 2 GiB unless given. */
  readonly maxBytes?: number
}

/**
 * Reads an IDX file that is not compressed. For uint8 and int8 `data` is a view of `bytes`, without a copy.
 *
 * Source: Y. LeCun, "The IDX file format", on the page of the MNIST database.
 *
 * @throws IdxError where it is cut off, too long, or not IDX, with both sizes
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
 * Reads an IDX file, compressed with gzip or not: which one it is, its first bytes tell.
 *
 * @throws IdxError as {@link readIdx}, and where the gzip data are damaged or announce more than `maxBytes`
 */
export const decodeIdx = async (bytes: Uint8Array, options: UnpackOptions = {}): Promise<IdxArray> =>
  readIdx(await unpackIdx(bytes, options), options)

/**
 * The bytes of an IDX file without their compression; `bytes` itself where there is none. Inflates no further than the
 * header announces, and not at all where that is more than `maxBytes`: a small file may inflate to any size.
 *
 * @throws IdxError where the gzip data are damaged, inflate to more than their header says, or announce too much
 */
export const unpackIdx = async (bytes: Uint8Array, options: UnpackOptions = {}): Promise<Uint8Array> => {
  const { name } = options
  if (!isGzip(bytes)) return bytes
  const pieces: Uint8Array[] = []
  let total = 0
  let header: IdxHeader | undefined
  for await (const piece of inflate(slicesOf(bytes), name)) {
    pieces.push(piece)
    total += piece.length
    if (!header) {
      header = parseHeader(pieces.length === 1 ? piece : concatenate(pieces, total), name)
      if (header) refuseLarger(header.headerBytes + header.dataBytes, 'the file', header, options)
    }
    if (header && total > header.headerBytes + header.dataBytes) throw wrongLength(header, 'inflates to more', name)
  }
  return concatenate(pieces, total)
}

export const wrongLength = (
  { type, shape, headerBytes, dataBytes }: IdxHeader,
  found: string,
  name?: string,
): IdxError =>
  new IdxError(
    `expected ${headerBytes + dataBytes} bytes for ${shown(shape)} ${type}, the file ${found}${called(name)}: it was cut off or changed, get it again`,
  )

export const headerCutOff = (found: number, name?: string): IdxError =>
  new IdxError(`expected the header of an IDX file, the file ends after ${found} bytes${called(name)}: get it again`)

/** @throws IdxError where `bytes`, which the header announces for `what`, are more than the options allow */
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
