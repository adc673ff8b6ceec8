/** SHA-256 in hexadecimal: by the platform, or in JavaScript on a page without https, where a browser keeps its own back. */
export const sha256 = async (bytes: Uint8Array): Promise<string> => {
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto }
  const hash = subtle
    ? new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
    : (await import('@noble/hashes/sha2.js')).sha256(bytes)
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
