/** A platform's own digest copies what it is given: from this size on that counts. */
const large = 64 * 2 ** 20

/** SHA-256 in hexadecimal: by the platform, or in JavaScript on a page without https, where a browser keeps its own back. */
export const sha256 = async (bytes: Uint8Array): Promise<string> => {
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto }
  const node = bytes.length < large ? undefined : (globalThis.process as typeof process | undefined)
  // Node's other one hashes in place. A bundle for a page must not name it in an import.
  if (node?.getBuiltinModule)
    return node.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex')
  const hash = subtle
    ? new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
    : (await import('@noble/hashes/sha2.js')).sha256(bytes)
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
