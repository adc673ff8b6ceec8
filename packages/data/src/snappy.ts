// Snappy's blocks (https://github.com/google/snappy/blob/main/format_description.txt). hyparquet's own reader takes the length of a
// literal for a signed number, and one of 2^31 bytes or more leads it back to where it was, for ever.

/** Shorter stretches are copied byte by byte, which is quicker than a view of them. */
const short = 32

/**
 * What a block unpacks to. It takes no more time and memory than `length` and the block's own bytes need.
 *
 * @param length bytes that the block has to unpack to
 * @throws Error if it unpacks to another length, or is damaged
 */
export const unsnapped = (block: Uint8Array, length: number): Uint8Array<ArrayBuffer> => {
  const output = new Uint8Array(length)
  let [at, to] = [0, 0]
  const byte = (): number => {
    const value = block[at++]
    if (value === undefined) throw new Error('its Snappy block ends in the middle of an element')
    return value
  }
  const little = (bytes: number): number => {
    let value = 0
    for (let i = 0; i < bytes; i++) value += byte() * 2 ** (8 * i)
    return value
  }
  if (block.length > 0) while (byte() >= 128); // the length, which the page's header has said already
  while (at < block.length) {
    const tag = byte()
    const kind = tag & 3
    const size = tag >>> 2
    if (kind === 0) {
      const count = 1 + (size < 60 ? size : little(size - 59))
      if (count > block.length - at || count > length - to)
        throw new Error(`its Snappy block has a literal of ${count} bytes, more than are left`)
      if (count < short) for (let i = 0; i < count; i++) output[to + i] = block[at + i] ?? 0
      else output.set(block.subarray(at, at + count), to)
      at += count
      to += count
      continue
    }
    const count = kind === 1 ? 4 + (size & 7) : 1 + size
    const back = kind === 1 ? (tag >>> 5) * 256 + byte() : little(kind === 2 ? 2 : 4)
    if (back === 0 || back > to || count > length - to)
      throw new Error(`its Snappy block copies ${count} bytes from ${back} back, at byte ${to} of ${length}`)
    for (const end = to + count; to < end; to++) output[to] = output[to - back] ?? 0
  }
  if (to !== length) throw new Error(`its Snappy block unpacks to ${to} bytes, expected ${length}`)
  return output
}
