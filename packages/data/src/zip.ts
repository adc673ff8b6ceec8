// The entries of a zip archive. fflate inflates; where entries lie, that they are whole and how much they become is looked after
// here, as fflate checks neither sums nor sizes.
//
// Source: PKWARE's APPNOTE.TXT 6.3.
import { Inflate, inflateSync } from 'fflate/browser' // runs everywhere: its other entry asks Node for worker threads
import { DataError } from './data-error'
import { shownName } from './shown'

/** An entry of an archive, not yet unpacked. */
export interface ZipEntry {
  readonly name: string
  /** Its length unpacked. */
  readonly bytes: number
  /** Its first bytes, at most `count`. */
  beginning(count: number): Uint8Array
  /** All of it, held to its checksum. */
  read(): Uint8Array
}

/** The most that an entry may unpack to. */
const longestEntry = 2 ** 31

/** The most bytes that one byte of deflate data can stand for. */
const mostInflation = 1032

/** Longest end record: 22 bytes and a comment of 65,535. */
const longestEnd = 22 + 0xffff

/**
 * The entries of an archive in the order of its directory.
 *
 * @throws DataError if it is cut off, damaged or hostile
 */
export const zipEntries = (bytes: Uint8Array, name: string): readonly ZipEntry[] => {
  const fail = (sentence: string): never => {
    throw new DataError(`${name} is not a valid zip archive: ${sentence}; get it again`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = endRecord(bytes, view)
  if (end === undefined) return fail(`its directory is missing from its ${bytes.length} bytes`)
  const [count, size, start] = [
    view.getUint16(end + 10, true),
    view.getUint32(end + 12, true),
    view.getUint32(end + 16, true),
  ]
  if (start + size > end) return fail(`its directory ends at byte ${start + size}, expected at most ${end}`)
  const entries: ZipEntry[] = []
  let at = start
  let packedBytes = 0
  for (let i = 0; i < count; i++) {
    if (at + 46 > start + size || view.getUint32(at, true) !== 0x02014b50)
      return fail(`its directory has ${i} entries, expected ${count}`)
    const [method, sum] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)]
    const [packed, unpacked, header] = [20, 24, 42].map((offset) => view.getUint32(at + offset, true)) as [
      number,
      number,
      number,
    ]
    const nameLength = view.getUint16(at + 28, true)
    const entry = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
    const called = shownName(entry)
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
    if (header + 30 > bytes.length || view.getUint32(header, true) !== 0x04034b50)
      return fail(`its entry ${called} should be at byte ${header}, where there is none`)
    const from = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true)
    if (packed > bytes.length - from)
      return fail(`its entry ${called} ends at byte ${from + packed}, the file at ${bytes.length}`)
    if (method !== 0 && method !== 8)
      return fail(`its entry ${called} is compressed with method ${method}, expected 0 or 8`)
    if (method === 0 ? packed !== unpacked : unpacked > packed * mostInflation || unpacked > longestEntry)
      return fail(`its entry ${called} should be ${unpacked} bytes from ${packed}`)
    packedBytes += packed
    if (packedBytes > bytes.length) return fail('its entries lie over each other')
    const content = bytes.subarray(from, from + packed)
    entries.push({
      name: entry,
      bytes: unpacked,
      beginning: (most) =>
        method === 0 ? content.subarray(0, most) : inflatedBeginning(content, Math.min(most, unpacked)),
      read() {
        const whole = method === 0 ? content : inflated(content, unpacked)
        if (whole === undefined || crc32(whole) !== sum)
          return fail(`its entry ${called} is damaged: its checksum does not match`)
        return whole
      },
    })
  }
  return entries
}

const inflated = (packed: Uint8Array, length: number): Uint8Array | undefined => {
  try {
    // What does not fit is dropped: one byte more tells whether there is more.
    const whole = inflateSync(packed, { out: new Uint8Array(length + 1) })
    return whole.length === length ? whole : undefined
  } catch {
    return undefined
  }
}

/** As much of the beginning as is asked for, from as little of the packed bytes as that takes; what is damaged ends it. */
const inflatedBeginning = (packed: Uint8Array, count: number): Uint8Array => {
  const beginning = new Uint8Array(count)
  let got = 0
  const stream = new Inflate((piece) => {
    const taken = piece.subarray(0, count - got)
    beginning.set(taken, got)
    got += taken.length
  })
  const step = 1024
  try {
    for (let at = 0; at < packed.length && got < count; at += step)
      stream.push(packed.subarray(at, at + step), at + step >= packed.length)
  } catch {
    // What came until there is given: who reads it on finds the damage.
  }
  return beginning.subarray(0, got)
}

const endRecord = (bytes: Uint8Array, view: DataView): number | undefined => {
  for (let at = bytes.length - 22; at >= Math.max(0, bytes.length - longestEnd); at--)
    if (view.getUint32(at, true) === 0x06054b50 && at + 22 + view.getUint16(at + 20, true) === bytes.length) return at
  return undefined
}

/** CRC-32 of a byte that is shifted through, for each of the 256. */
const table = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0)
  return ~crc >>> 0
}
