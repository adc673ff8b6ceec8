/** What gives the bytes of a file: a file's stream, a response's body, any iterable of byte arrays. */
export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

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

export const concatenate = (pieces: readonly Uint8Array[], total: number): Uint8Array => {
  const whole = new Uint8Array(total)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
