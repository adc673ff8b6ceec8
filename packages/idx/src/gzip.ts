import { called, IdxError } from './format'
import type { Pieces } from './pieces'

/** Whether bytes start as a gzip file does (1f 8b). */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/**
 * Inflates a gzip file with the platform's own DecompressionStream. What is wrong with the gzip data is an IdxError; what
 * goes wrong in the source is thrown as it is.
 */
export async function* inflate(source: Pieces, name?: string): AsyncGenerator<Uint8Array> {
  let sourceFailure: { readonly error: unknown } | undefined
  const packed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await source.next()
        if (done || !value) controller.close()
        else controller.enqueue(value)
      } catch (error) {
        sourceFailure = { error }
        throw error
      }
    },
    cancel: () => source.stop(),
  })
  // The standard types a decompressor's input as any buffer source, a stream of arrays is one.
  const decompressor = new DecompressionStream('gzip') as unknown as ReadableWritablePair<Uint8Array, Uint8Array>
  const reader = packed.pipeThrough(decompressor).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } catch (cause) {
    if (sourceFailure) throw sourceFailure.error
    throw new IdxError(
      `the gzip data are damaged or cut off (${(cause as Error).message})${called(name)}: get the file again`,
      { cause },
    )
  } finally {
    await reader.cancel().catch(() => {}) // already failed or ended: nothing is left to stop
  }
}
