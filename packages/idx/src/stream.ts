import { called, decodeElements, IdxError, parseHeader, type IdxData, type IdxHeader, type IdxType } from './format'
import { concatenate, inflate, isGzip } from './gzip'
import { wrongLength, type ReadOptions } from './read'

/** An IDX file that is being read. */
export interface IdxStream {
  readonly type: IdxType
  readonly shape: readonly number[]
  /** The shape of one record: all sizes but the first. */
  readonly recordShape: readonly number[]
  /** The records in their order, each an array of its own. Can be gone through once. */
  readonly records: AsyncIterable<IdxData>
}

/**
 * Reads an IDX file record by record (image by image, label by label), never holding more than a piece of the stream and
 * one record. Gzip is recognised as in `decodeIdx`. A single value of rank 0 is one record.
 *
 * @param source a file's stream, a response's body, any iterable of byte arrays
 * @throws IdxError from here where the header is wrong, from `records` where the file is cut off or too long
 */
export const streamIdx = async (
  source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  { name }: ReadOptions = {},
): Promise<IdxStream> => {
  const bytes = new ByteReader(await inflated(source, name))
  let header: IdxHeader | undefined
  for (let wanted = 4; ; wanted = 4 + 4 * (bytes.held[3] ?? 0)) {
    await bytes.fill(wanted)
    header = parseHeader(bytes.held, name)
    if (header) break
    if (bytes.held.length < wanted)
      throw new IdxError(
        `expected the header of an IDX file, the file ends after ${bytes.held.length} bytes${called(name)}: get it again`,
      )
  }
  bytes.take(header.headerBytes)
  const { type, shape } = header
  return { type, shape, recordShape: shape.slice(1), records: records(bytes, header, name) }
}

async function* records(bytes: ByteReader, header: IdxHeader, name?: string): AsyncGenerator<IdxData> {
  const { type, shape, dataBytes, headerBytes } = header
  const count = shape[0] ?? 1
  const recordBytes = count === 0 ? 0 : dataBytes / count
  // Records without a byte (a size of 0 further in) are not worth yielding up to 2^32 times.
  for (let record = 0; record < count && recordBytes > 0; record++) {
    await bytes.fill(recordBytes)
    if (bytes.held.length < recordBytes)
      throw wrongLength(header, `ends after ${headerBytes + record * recordBytes + bytes.held.length}`, name)
    yield decodeElements(type, bytes.take(recordBytes).slice())
  }
  await bytes.fill(1)
  if (bytes.held.length > 0) throw wrongLength(header, 'holds more', name)
}

/** Bytes taken from pieces of any size. */
class ByteReader {
  held: Uint8Array = new Uint8Array(0)
  readonly #pieces: AsyncIterator<Uint8Array>

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** Reads on until at least `count` bytes are held, or the pieces end. */
  async fill(count: number): Promise<void> {
    const pieces = [this.held]
    let total = this.held.length
    while (total < count) {
      const next = await this.#pieces.next()
      if (next.done) break
      pieces.push(next.value)
      total += next.value.length
    }
    if (pieces.length > 1) this.held = concatenate(pieces, total)
  }

  take(count: number): Uint8Array {
    const taken = this.held.subarray(0, count)
    this.held = this.held.subarray(count)
    return taken
  }
}

/** The source's bytes, inflated where its first two say gzip. */
const inflated = async (
  source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  name?: string,
): Promise<AsyncIterable<Uint8Array>> => {
  const pieces = (Symbol.asyncIterator in source ? source : readAll(source))[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array(0)
  while (head.length < 2) {
    const next = await pieces.next()
    if (next.done) break
    head = concatenate([head, next.value], head.length + next.value.length)
  }
  async function* whole() {
    yield head
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value
  }
  if (!isGzip(head)) return whole()
  const all = whole()
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await all.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      await all.return(undefined)
    },
  })
  return inflate(stream, name)
}

/** Some browsers' streams are not yet async iterable. */
async function* readAll(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    reader.releaseLock()
  }
}
