/** What of node:zlib is used here. */
interface Zlib {
  gunzipSync(
    bytes: Uint8Array,
    options: { readonly chunkSize: number; readonly maxOutputLength: number; readonly info: true },
  ): { readonly buffer: Uint8Array<ArrayBuffer>; readonly engine: { readonly bytesWritten: number } }
}

/** Where the runtime has modules of its own: Node, Deno, Bun. Nothing is imported, so that a page's bundle has no trace of it. */
const zlib = (): Zlib | undefined => {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  return process?.getBuiltinModule?.('node:zlib') as Zlib | undefined
}

/**
 * Inflates a gzip file that becomes `total` bytes by the runtime's own zlib, which takes less than half of the time.
 *
 * @returns undefined where there is none, or the file is anything else than members of that length in all with zeros behind them: who
 * reads it member by member knows what it is
 */
export const nativeGunzip = (bytes: Uint8Array, total: number): Uint8Array<ArrayBuffer> | undefined => {
  try {
    // One piece of memory, and no copy of it.
    const options = { chunkSize: Math.max(64, total + 1), maxOutputLength: Math.max(1, total), info: true } as const
    const inflated = zlib()?.gunzipSync(bytes, options)
    if (inflated?.buffer.length !== total) return undefined
    for (let at = inflated.engine.bytesWritten; at < bytes.length; at++) if (bytes[at] !== 0) return undefined
    const { buffer, byteOffset } = inflated.buffer
    return new Uint8Array(buffer, byteOffset, total)
  } catch {
    return undefined
  }
}
