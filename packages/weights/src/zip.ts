// The zip archive that torch.save writes, and how one like it is written. fflate unpacks; where its records lie, that they
// are whole and how much they may become is looked after here, as fflate checks neither sums nor sizes.
//
// Source: PKWARE's APPNOTE.TXT 6.3.
import { inflateSync, zipSync, type ZippableFile } from 'fflate/browser' // runs everywhere: its other entry asks Node for worker threads
import type { Budget, Fail, Failing } from './failing'
import { quoted } from './shown'

/** Longest end record: 22 bytes and a comment of 65,535. */
const longestEnd = 22 + 0xffff
/** Bytes that may lie behind it, as a careless download or a signature leaves them. */
const longestTail = 4096
const names = new TextDecoder('utf-8')

interface Place {
  readonly name: string
  readonly method: number
  readonly sum: number
  readonly packed: number
  readonly unpacked: number
  readonly header: number
}

/** The records of an archive: their names, and one of them. */
export interface Archive {
  readonly names: readonly string[]
  /** Unpacked and held to its checksum; undefined if there is none of that name. */
  readonly read: (name: string) => Uint8Array | undefined
}

/**
 * Opens an archive. A record is unpacked when it is read, which the budget pays for (PyTorch packs nothing).
 */
export const readZip = (bytes: Uint8Array, budget: Budget, failures: Failing): Archive => {
  const { fail } = failures
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const places = new Map<string, Place>()
  for (const place of directory(bytes, view, failures)) {
    const { name } = place
    budget.spend(256)
    if (places.has(name)) fail(`the record ${quoted(name)} is there twice`)
    if (/(^|\/)\.\.(\/|$)|^\/|\\|\0/.test(name)) fail(`the record ${quoted(name)} leads out of the archive`)
    places.set(name, place)
  }
  const records = new Map<string, Uint8Array>()
  const read = ({ name, method, sum, packed, unpacked, header }: Place): Uint8Array => {
    if (header + 30 > bytes.length || view.getUint32(header, true) !== 0x04034b50)
      fail(`the record ${quoted(name)} should be at byte ${header}, where there is none`)
    const from = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true)
    if (packed > bytes.length - from)
      fail(`the record ${quoted(name)} ends at byte ${from + packed}, the file at ${bytes.length}`)
    if (method !== 0) budget.spend(unpacked, () => `its record ${quoted(name)}, ${unpacked} bytes unpacked,`)
    const record = unpack(bytes.subarray(from, from + packed), method, unpacked)
    if (record?.length !== unpacked || crc32(record) !== sum)
      return fail(`the record ${quoted(name)} is damaged: its checksum does not match`)
    return record
  }
  return {
    names: [...places.keys()],
    read: (name) => {
      const place = places.get(name)
      const known = records.get(name)
      if (known || !place) return known
      const record = read(place)
      records.set(name, record)
      return record
    },
  }
}

const unpack = (packed: Uint8Array, method: number, length: number): Uint8Array | undefined => {
  if (method === 0) return packed
  try {
    return inflateSync(packed, { out: new Uint8Array(length) })
  } catch {
    return undefined
  }
}

const directory = (bytes: Uint8Array, view: DataView, { fail, unsupported }: Failing): Place[] => {
  const end = endRecord(bytes, view, fail)
  const [count, size, start] = [
    view.getUint16(end + 10, true),
    view.getUint32(end + 12, true),
    view.getUint32(end + 16, true),
  ]
  if (count === 0xffff || size === 0xffffffff || start === 0xffffffff)
    unsupported('it is an archive of more than 4 GiB or 65,534 records, which is not read')
  if (start + size > end) fail(`its directory ends at byte ${start + size}, expected at most ${end}`)
  const places: Place[] = []
  let at = start
  for (let i = 0; i < count; i++) {
    if (at + 46 > start + size || view.getUint32(at, true) !== 0x02014b50)
      return fail(`its directory has ${i} records, expected ${count}`)
    const nameLength = view.getUint16(at + 28, true)
    const next = at + 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
    if (next > start + size) return fail(`its directory has ${i} whole records, expected ${count}`)
    const name = names.decode(bytes.subarray(at + 46, at + 46 + nameLength))
    const place = {
      name,
      method: view.getUint16(at + 10, true),
      sum: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      unpacked: view.getUint32(at + 24, true),
      header: view.getUint32(at + 42, true),
    }
    if (view.getUint16(at + 8, true) & 1)
      unsupported(`the record ${quoted(name)} is encrypted; write it again without a password`)
    if (place.method !== 0 && place.method !== 8)
      unsupported(
        `the record ${quoted(name)} is compressed with method ${place.method}, expected 0 (stored) or 8 (deflate); write it again with torch.save`,
      )
    if (place.method === 0 && place.packed !== place.unpacked)
      fail(`the record ${quoted(name)} is stored in ${place.packed} bytes, expected ${place.unpacked}`)
    places.push(place)
    at = next
  }
  return places
}

/** The last one whose comment ends within the file: what lies behind it belongs to no record. */
const endRecord = (bytes: Uint8Array, view: DataView, fail: Fail): number => {
  for (let at = bytes.length - 22; at >= Math.max(0, bytes.length - longestEnd - longestTail); at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue
    const directoryEnd = view.getUint32(at + 12, true) + view.getUint32(at + 16, true)
    if (at + 22 + view.getUint16(at + 20, true) <= bytes.length && (directoryEnd <= at || directoryEnd >= 0xffffffff))
      return at
  }
  return fail(`it is a zip archive that is cut off: its directory is missing from its ${bytes.length} bytes`)
}

/** CRC-32 of a byte that is shifted through, for each of the 256. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] as number)
  return ~crc >>> 0
}

/** Records start their data at multiples of this, as PyTorch's do, so that they can be mapped into memory. */
const alignment = 64

/**
 * Writes an archive of stored records. The same input gives the same bytes.
 *
 * @param records in their order; names of ASCII
 */
export const writeZip = (records: ReadonlyMap<string, Uint8Array>): Uint8Array => {
  let at = 0
  const entries = [...records].map(([name, content]): [string, ZippableFile] => {
    // PyTorch's padding: an extra field 'FB' of as many bytes as bring the data to a multiple; its own head takes four.
    const data = at + 30 + name.length + 4
    const padding = (alignment - (data % alignment)) % alignment
    at = data + padding + content.length
    const extra = { 0x4246: new Uint8Array(padding).fill(0x5a) }
    return [name, [content, { level: 0, mtime: new Date(1980, 0, 1), extra }]]
  })
  return zipSync(Object.fromEntries(entries))
}
