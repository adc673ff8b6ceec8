import { decodeInPlace, type IdxData, type IdxHeader, type IdxType } from './format'
import { GzipReader, isGzip } from './gzip'
import { piecesOf, PlainReader, type ByteSource, type Pieces, type Reader } from './pieces'
import { readHeader, refuseLarger, wrongLength, type ReadOptions, type UnpackOptions } from './read'

/** An IDX file that is being read. */
export interface IdxStream {
  readonly type: IdxType
  readonly shape: readonly number[]
  /** The shape of one record: all sizes but the first. */
  readonly recordShape: readonly number[]
  /** The records in their order, each an array of its own. Can be gone through once; leaving the loop closes the source. */
  readonly records: AsyncIterable<IdxData>
  /** Closes the source: for who has seen enough in the header and does not go through the records. */
  cancel(): Promise<void>
}

/**
 * Reads an IDX file record by record (image by image, label by label), never holding more than a piece of the stream and
 * one record. Gzip is recognised as in `decodeIdx`. A single value of rank 0 is one record. The source is closed at the
 * end, at an error, and where the records are left before their end.
 *
 * @param source a file's stream, a response's body, any iterable of byte arrays; what it throws is thrown on as it is
 * @throws IdxError from here where the header is wrong or announces a record of more than `maxBytes`, from `records`
 * where the file is cut off or too long
 */
export const streamIdx = async (source: ByteSource, options: UnpackOptions = {}): Promise<IdxStream> => {
  const { name } = options
  const pieces = piecesOf(source)
  try {
    const reader = await readerOf(pieces, name)
    const { header } = await readHeader(reader, name)
    const { type, shape } = header
    refuseLarger(recordBytesOf(header), 'a record', header, options)
    return {
      type,
      shape,
      recordShape: shape.slice(1),
      records: records(reader, pieces, header, name),
      cancel: () => pieces.stop(),
    }
  } catch (error) {
    await pieces.stop()
    throw error
  }
}

/**
 * The bytes of a file that may be compressed with gzip, in pieces, as {@link streamIdx} recognises and inflates them; what the file
 * holds is not looked at. The source is closed at the end, at an error, and where the loop is left.
 *
 * @throws IdxError if the gzip data are damaged or cut off
 */
export async function* gunzipped(
  source: ByteSource,
  { name }: ReadOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const pieces = piecesOf(source)
  try {
    const reader = await readerOf(pieces, name)
    for (;;) {
      const piece = new Uint8Array(pieceBytes)
      const got = await reader.fill(piece)
      if (got > 0) yield piece.subarray(0, got)
      if (got < pieceBytes) return
    }
  } finally {
    await pieces.stop()
  }
}

/** Large enough that what is done for each piece does not count. */
const pieceBytes = 1 << 16

const recordBytesOf = ({ shape, dataBytes }: IdxHeader): number => (dataBytes === 0 ? 0 : dataBytes / (shape[0] ?? 1))

async function* records(
  reader: Reader,
  pieces: Pieces,
  header: IdxHeader,
  name?: string,
): AsyncGenerator<IdxData, void, undefined> {
  const { type, shape, headerBytes } = header
  const recordBytes = recordBytesOf(header)
  // Records without a byte (a size of 0 further in) are not worth yielding up to 2^32 times.
  const count = recordBytes === 0 ? 0 : (shape[0] ?? 1)
  try {
    for (let record = 0; record < count; record++) {
      const bytes = new Uint8Array(recordBytes)
      const got = await reader.fill(bytes)
      if (got < recordBytes) throw wrongLength(header, `ends after ${headerBytes + record * recordBytes + got}`, name)
      yield decodeInPlace(type, bytes)
    }
    if ((await reader.fill(new Uint8Array(1))) > 0) throw wrongLength(header, 'holds more', name)
  } finally {
    await pieces.stop()
  }
}

/** Reads pieces, inflated where the first two bytes say gzip. */
const readerOf = async (pieces: Pieces, name?: string): Promise<Reader> => {
  const start: Uint8Array[] = []
  let first: number | undefined
  let packed: boolean | undefined
  while (packed === undefined) {
    const { done, value } = await pieces.next()
    if (done || !value) break
    start.push(value)
    for (const byte of value.subarray(0, 2)) {
      if (first === undefined) first = byte
      else packed ??= isGzip(Uint8Array.of(first, byte))
    }
  }
  const whole: Pieces = {
    next: async () => {
      const value = start.shift()
      return value ? { value } : pieces.next()
    },
    stop: () => pieces.stop(),
  }
  return packed ? new GzipReader(whole, name) : new PlainReader(whole)
}
