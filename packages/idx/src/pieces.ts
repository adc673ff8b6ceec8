/** What is asked of a stream of bytes here. Every `ReadableStream` of them is one, by the types of a page as by Node's. */
export interface ByteStream {
  /** Takes the stream for one reader. */
  getReader(): {
    /** The next piece. */
    read(): Promise<{ readonly done?: boolean | undefined; readonly value?: Uint8Array | undefined }>
    /** Closes the stream: nothing more is read. */
    cancel(): Promise<void>
    /** Gives the stream back. */
    releaseLock(): void
  }
}

/** What gives the bytes of a file: a file's stream, a response's body, any iterable of byte arrays. */
export type ByteSource = ByteStream | AsyncIterable<Uint8Array>

/** The pieces of a source, asked for one by one. */
export interface Pieces {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: Uint8Array | undefined }>
  /** Closes the source: nothing more will be asked for. */
  stop(): Promise<void>
}

export const piecesOf = (source: ByteSource): Pieces => {
  // Some browsers' streams are not yet async iterable; and a reader can be cancelled while a piece is still awaited.
  if ('getReader' in source) {
    const reader = source.getReader()
    return {
      next: () => reader.read(),
      stop: async () => {
        await reader.cancel().catch(() => {}) // a source that has failed is closed already
        reader.releaseLock()
      },
    }
  }
  const iterator = source[Symbol.asyncIterator]()
  let awaited = false
  return {
    next: async () => {
      awaited = true
      try {
        return await iterator.next()
      } finally {
        awaited = false
      }
    },
    stop: async () => {
      const stopped = Promise.resolve(iterator.return?.()).catch(() => {}) // as above
      // An iterator answers only after the piece that is awaited, which may never come.
      if (!awaited) await stopped
    },
  }
}

/** One array in pieces: a decompressor is fed no faster than its output is taken. */
export const slicesOf = (bytes: Uint8Array): Pieces => {
  const piece = 1 << 16
  let at = 0
  return {
    next: async () => (at < bytes.length ? { value: bytes.subarray(at, (at += piece)) } : { done: true }),
    stop: async () => {},
  }
}

/** Bytes taken from pieces of any size. */
export interface Reader {
  /**
   * Fills `target` from its start.
   *
   * @returns how many bytes came; fewer than asked for only where the file ends
   */
  fill(target: Uint8Array<ArrayBuffer>): Promise<number>
}

/** Reads pieces as they are. */
export class PlainReader implements Reader {
  readonly #source: Pieces
  #held: Uint8Array = new Uint8Array(0)

  constructor(source: Pieces) {
    this.#source = source
  }

  async fill(target: Uint8Array<ArrayBuffer>): Promise<number> {
    let count = 0
    while (count < target.length) {
      if (this.#held.length === 0) {
        const { done, value } = await this.#source.next()
        if (done || !value) break
        this.#held = value
        continue
      }
      const taken = this.#held.subarray(0, target.length - count)
      target.set(taken, count)
      count += taken.length
      this.#held = this.#held.subarray(taken.length)
    }
    return count
  }
}
