// Bytes as tests give them to a reader, and compare what it made of them.

export const text = (words: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(words)

/** The same bytes as a stream gives them. */
export const inPieces = (bytes: Uint8Array, piece: number): AsyncIterable<Uint8Array> =>
  (async function* () {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
  })()

/** Its bytes: numbers that compare as equal may differ in them. */
export const bitsOf = (data: ArrayBufferView): number[] => [
  ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
]
