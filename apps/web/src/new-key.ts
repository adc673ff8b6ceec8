/** A name that nothing else has. `crypto.randomUUID` is kept from pages of plain http, which must come so far as to say why. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
