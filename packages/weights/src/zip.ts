// The zip archive that torch.save writes, and how one like it is written. fflate unpacks; where its records lie, that they
// are whole and how much they may become is looked after here, as fflate checks neither sums nor sizes.
//
// Source: PKWARE's APPNOTE.TXT 6.3.
import { inflateSync, zipSync, type ZippableFile } from 'fflate'
import type { Fail } from './pickle'
import { mostValues } from './shape'
import { quoted } from './shown'

/** Longest end record: 22 bytes and a comment of 65,535. */
const longestEnd = 22 + 0xffff
const names = new TextDecoder('utf-8')

interface Place {
  readonly name: string
  readonly method: number
  readonly sum: number
  readonly packed: number
  readonly unpacked: number
  readonly header: number
}

/**
 * The records of an archive by name, unpacked and held to their check sums. Together they may become some eight times the
 * archive's length (PyTorch packs nothing); what asks for more is refused before anything is unpacked.
 */
export const readZip = (bytes: Uint8Array, fail: Fail): Map<string, Uint8Array> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const places = directory(bytes, view, fail)
  const total = places.reduce((sum, { unpacked }) => sum + unpacked, 0)
  const most = 4 * mostValues(bytes.length)
  if (total > most) fail(`its records unpack to ${total} bytes, expected at most ${most} of ${bytes.length}`)
  const records = new Map<string, Uint8Array>()
  for (const { name, method, sum, packed, unpacked, header } of places) {
    if (records.has(name)) fail(`the record ${quoted(name)} is there twice`)
    if (/(^|\/)\.\.(\/|$)|^\/|\\|\0/.test(name)) fail(`the record ${quoted(name)} leads out of the archive`)
    if (header + 30 > bytes.length || view.getUint32(header, true) !== 0x04034b50)
      fail(`the record ${quoted(name)} is to be at byte ${header}, where none is`)
    const from = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true)
    if (packed > bytes.length - from)
      fail(`the record ${quoted(name)} ends at byte ${from + packed}, the file at ${bytes.length}`)
    const record = unpack(bytes.subarray(from, from + packed), method, unpacked)
    if (record?.length !== unpacked || crc32(record) !== sum)
      return fail(`the record ${quoted(name)} is damaged: its check sum is another`)
    records.set(name, record)
  }
  return records
}

const unpack = (packed: Uint8Array, method: number, length: number): Uint8Array | undefined => {
  if (method === 0) return packed
  try {
    return inflateSync(packed, { out: new Uint8Array(length) })
  } catch {
    return undefined
  }
}

const directory = (bytes: Uint8Array, view: DataView, fail: Fail): Place[] => {
  const end = endRecord(bytes, view, fail)
  const [count, size, start] = [
    view.getUint16(end + 10, true),
    view.getUint32(end + 12, true),
    view.getUint32(end + 16, true),
  ]
  if (count === 0xffff || size === 0xffffffff || start === 0xffffffff)
    fail('it is an archive of more than 4 GiB or 65,534 records, which is not read')
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
    if (view.getUint16(at + 8, true) & 1) fail(`the record ${quoted(name)} is encrypted`)
    if (place.method !== 0 && place.method !== 8)
      fail(`the record ${quoted(name)} is packed by method ${place.method}, expected 0 (stored) or 8 (deflate)`)
    if (place.method === 0 && place.packed !== place.unpacked)
      fail(`the record ${quoted(name)} is stored in ${place.packed} bytes, expected ${place.unpacked}`)
    places.push(place)
    at = next
  }
  return places
}

const endRecord = (bytes: Uint8Array, view: DataView, fail: Fail): number => {
  for (let at = bytes.length - 22; at >= Math.max(0, bytes.length - longestEnd); at--)
    if (view.getUint32(at, true) === 0x06054b50 && at + 22 + view.getUint16(at + 20, true) === bytes.length) return at
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
