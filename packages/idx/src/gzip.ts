import { called, IdxError } from './format'

/** Whether bytes start as a gzip file does (1f 8b). */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** A stream of one array, in pieces: a decompressor is fed no faster than its output is taken. */
export const streamOf = (bytes: Uint8Array): ReadableStream<Uint8Array> => {
  const piece = 1 << 16
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.subarray(at, (at += piece)))
    },
  })
}

/** Inflates a gzip stream with the platform's own DecompressionStream; what is wrong with it is an IdxError. */
export async function* inflate(source: ReadableStream<Uint8Array>, name?: string): AsyncGenerator<Uint8Array> {
  // The standard types a decompressor's input as any buffer source, a stream of arrays is one.
  const decompressor = new DecompressionStream('gzip') as unknown as ReadableWritablePair<Uint8Array, Uint8Array>
  const reader = source.pipeThrough(decompressor).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } catch (cause) {
    if (cause instanceof IdxError) throw cause
    throw new IdxError(
      `the gzip data are damaged or cut off (${(cause as Error).message})${called(name)}: get the file again`,
      { cause },
    )
  } finally {
    await reader.cancel().catch(() => {}) // already failed or ended: nothing is left to stop
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
