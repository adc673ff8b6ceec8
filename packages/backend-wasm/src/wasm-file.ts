// Where tfjs gets its WebAssembly, and why it could not.

/** The one of tfjs's three files that is used. */
export const wasmFile = 'tfjs-backend-wasm-simd.wasm'

interface Page {
  readonly document?: { readonly baseURI: string }
  readonly location?: { readonly href: string }
}

/** The address that a page's tfjs fetched its file from; undefined in Node, where it reads a file. */
const fetchedAddress = (): string | undefined => {
  const { document, location } = globalThis as Page
  const base = document?.baseURI ?? location?.href
  if (base === undefined) return undefined
  const fetched = performance.getEntriesByType('resource').findLast(({ name }) => name.includes(wasmFile))
  return fetched?.name ?? new URL(wasmFile, base).href
}

/** What an address gives in the place of a WebAssembly module; undefined where it gives one. */
const insteadOfWasm = async (address: string): Promise<string | undefined> => {
  try {
    const response = await fetch(address)
    const bytes = new Uint8Array(await response.arrayBuffer())
    if (!response.ok) return `answers ${response.status} ${response.statusText}`.trim()
    if (bytes[0] === 0 && new TextDecoder().decode(bytes.subarray(1, 4)) === 'asm') return undefined
    const type = response.headers.get('content-type') ?? 'no type'
    return `gives no WebAssembly but ${bytes.length} bytes of ${type.split(';', 1)[0]}`
  } catch (error) {
    return `cannot be reached (${error instanceof Error ? error.message : String(error)})`
  }
}

/**
 * Why tfjs's WebAssembly could not be loaded, as a sentence; undefined if its file is not the cause, and in Node without an address.
 *
 * @param wasmUrl the address that was given
 */
export const whyNoWasm = async (wasmUrl: string | undefined, version: string): Promise<string | undefined> => {
  const address = wasmUrl ?? fetchedAddress()
  if (address === undefined) return undefined
  const instead = await insteadOfWasm(address)
  if (instead === undefined) return undefined
  const next =
    wasmUrl === undefined
      ? `serve ${wasmFile} of @tensorflow/tfjs-backend-wasm ${version} there, or pass where it is as wasmUrl`
      : `check that you are online, and that wasmUrl is the address of ${wasmFile} of @tensorflow/tfjs-backend-wasm ${version}`
  return `${address} ${instead}: ${next}`
}
