import { decodeElements, parseHeader, type IdxData, type IdxHeader, type IdxType } from './format'
import { inflate, isGzip } from './gzip'
import { concatenate, piecesOf, type ByteSource, type Pieces } from './pieces'
import { headerCutOff, refuseLarger, wrongLength, type UnpackOptions } from './read'

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
  const raw = piecesOf(source)
  try {
    const bytes = new ByteReader(await inflated(raw, name))
    let header: IdxHeader | undefined
    for (let wanted = 4; ; wanted = 4 + 4 * (bytes.held[3] ?? 0)) {
      await bytes.fill(wanted)
      header = parseHeader(bytes.held, name)
      if (header) break
      if (bytes.held.length < wanted) throw headerCutOff(bytes.held.length, name)
    }
    bytes.take(header.headerBytes)
    const { type, shape } = header
    refuseLarger(recordBytesOf(header), 'a record', header, options)
    return {
      type,
      shape,
      recordShape: shape.slice(1),
      records: records(bytes, header, name),
      cancel: () => bytes.stop(),
    }
  } catch (error) {
    await raw.stop()
    throw error
  }
}

const recordBytesOf = ({ shape, dataBytes }: IdxHeader): number => (dataBytes === 0 ? 0 : dataBytes / (shape[0] ?? 1))

async function* records(bytes: ByteReader, header: IdxHeader, name?: string): AsyncGenerator<IdxData> {
  const { type, shape, headerBytes } = header
  const recordBytes = recordBytesOf(header)
  // Records without a byte (a size of 0 further in) are not worth yielding up to 2^32 times.
  const count = recordBytes === 0 ? 0 : (shape[0] ?? 1)
  try {
    for (let record = 0; record < count; record++) {
      await bytes.fill(recordBytes)
      if (bytes.held.length < recordBytes)
        throw wrongLength(header, `ends after ${headerBytes + record * recordBytes + bytes.held.length}`, name)
      yield decodeElements(type, bytes.take(recordBytes).slice())
    }
    await bytes.fill(1)
    if (bytes.held.length > 0) throw wrongLength(header, 'holds more', name)
  } finally {
    await bytes.stop()
  }
}

/** Bytes taken from pieces of any size. */
class ByteReader {
  held: Uint8Array = new Uint8Array(0)
  readonly #pieces: Pieces

  constructor(pieces: Pieces) {
    this.#pieces = pieces
  }

  /** Reads on until at least `count` bytes are held, or the pieces end. */
  async fill(count: number): Promise<void> {
    const pieces = [this.held]
    let total = this.held.length
    while (total < count) {
      const { done, value } = await this.#pieces.next()
      if (done || !value) break
      pieces.push(value)
      total += value.length
    }
    if (pieces.length > 1) this.held = concatenate(pieces, total)
  }

  take(count: number): Uint8Array {
    const taken = this.held.subarray(0, count)
    this.held = this.held.subarray(count)
    return taken
  }

  stop(): Promise<void> {
    return this.#pieces.stop()
  }
}

/** The pieces, inflated where the first two bytes say gzip. */
const inflated = async (raw: Pieces, name?: string): Promise<Pieces> => {
  let head: Uint8Array | undefined = new Uint8Array(0)
  while (head.length < 2) {
    const { done, value } = await raw.next()
    if (done || !value) break
    head = concatenate([head, value], head.length + value.length)
  }
  const packed = isGzip(head)
  const whole: Pieces = {
    next: async () => {
      if (!head) return raw.next()
      const value = head
      head = undefined
      return { value }
    },
    stop: () => raw.stop(),
  }
  if (!packed) return whole
  const pieces = inflate(whole, name)
  return {
    next: () => pieces.next(),
    stop: async () => {
      await pieces.return(undefined)
      await raw.stop()
    },
  }
}
