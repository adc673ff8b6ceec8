// What pages and Node have, in the types that a program has of it: lib dom's or those of @types/node. Where it has neither, what is asked
// of it here takes their place, so that declarations name nothing that may not be there.

/** An `AbortSignal`. */
export type StopSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : {
      readonly aborted: boolean
      readonly reason: unknown
      /** Throws the reason once it is aborted. */
      throwIfAborted(): void
      /** Calls the listener when it is aborted. */
      addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
      /** Calls the listener no more. */
      removeEventListener(type: 'abort', listener: () => void): void
    }

/** A `File`. */
export type PlatformFile = typeof globalThis extends { File: { prototype: infer File } }
  ? File
  : {
      readonly name: string
      readonly size: number
      /** All of its bytes. */
      arrayBuffer(): Promise<ArrayBuffer>
    }

/** The function `fetch`. */
export type Fetch = typeof globalThis extends { fetch: infer Fetch } ? Fetch : (address: string) => Promise<unknown>

/** The `CacheStorage` of a page. */
export type PageCaches = typeof globalThis extends { CacheStorage: { prototype: infer Caches } }
  ? Caches
  : {
      /** The cache of a name. */
      open(name: string): Promise<unknown>
    }
