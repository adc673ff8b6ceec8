/** What of node:zlib is used here. */
interface Zlib {
  gunzip(
    bytes: Uint8Array,
    options: { readonly chunkSize: number; readonly maxOutputLength: number; readonly info: true },
    done: (error: Error | null, inflated?: Inflated) => void,
  ): void
}

interface Inflated {
  readonly buffer: Uint8Array<ArrayBuffer>
  readonly engine: { readonly bytesWritten: number }
}

/** Where the runtime has modules of its own: Node, Deno, Bun. Nothing is imported, so that a page's bundle has no trace of it. */
const zlib = (): Zlib | undefined => {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  return process?.getBuiltinModule?.('node:zlib') as Zlib | undefined
}

/**
 * Inflates a gzip file that becomes `total` bytes by the runtime's own zlib, which takes less than half of the time, on a thread of its
 * own: what waits for a file of millions of bytes has other things to do meanwhile.
 *
 * @returns undefined if there is none, or the file is anything else than members of that length at most in all with zeros behind them:
 * who reads it member by member knows what it is
 */
export const nativeGunzip = async (bytes: Uint8Array, total: number): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  // One piece of memory, and no copy of it.
  const options = { chunkSize: Math.max(64, total + 1), maxOutputLength: Math.max(1, total), info: true } as const
  try {
    const inflated = await new Promise<Inflated | undefined>((resolve, reject) => {
      const own = zlib()
      if (own) own.gunzip(bytes, options, (error, found) => (error ? reject(error) : resolve(found)))
      else resolve(undefined)
    })
    if (!inflated) return undefined
    for (let at = inflated.engine.bytesWritten; at < bytes.length; at++) if (bytes[at] !== 0) return undefined
    const { buffer, byteOffset, length } = inflated.buffer
    return new Uint8Array(buffer, byteOffset, length)
  } catch {
    return undefined
  }
}
