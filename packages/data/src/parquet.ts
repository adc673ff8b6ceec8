// Parquet tables with an image a row, as Hugging Face has them: a column of pictures (image.bytes) or of lists of pixels, and a
// column of labels. hyparquet reads them; that a table asks for no more than its bytes can hold is looked after here first.
import {
  parquetMetadata,
  parquetReadObjects,
  snappyUncompress,
  type ColumnMetaData,
  type FileMetaData,
} from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import type { ArrayFile, ReadContext } from './array-formats'
import { DataError } from './data-error'
import { stacked } from './picture-stack'
import type { StoredArray } from './stored-array'

const labelNames = ['label', 'labels', 'class', 'target', 'digit', 'y', 'fine_label', 'coarse_label']
const imageNames = ['image', 'images', 'img', 'picture', 'pixels', 'x']

/** More columns, row groups or names has no data set of images. */
const most = 10_000

/** A table's footer names its columns. */
const longestFooter = 1 << 24

/** A page of a column unpacked. Writers make pages of 1 MB, or of a row group's pictures. */
const longestPage = 2 ** 29

/** Bytes that one byte may stand for: in Snappy 64 for 3, in a column's runs of one value many more. */
const mostInflation = 64

type Row = Readonly<Record<string, unknown>>

/**
 * The arrays in a Parquet table: `images`, and `labels` with the classes' names where the table says them.
 *
 * @throws DataError if the table is damaged or hostile, has no such columns, or a row is not like the others
 */
export const arraysInParquet = async (
  { name, read }: ArrayFile,
  context: ReadContext = {},
): Promise<readonly StoredArray[]> => {
  const bytes = await read()
  const fail = (sentence: string): never => {
    throw new DataError(`${name} is not a readable Parquet table of images: ${sentence}`)
  }
  const metadata = footerOf(bytes, fail)
  const rows = Number(metadata.num_rows)
  const columns = [...new Set(metadata.schema.slice(1).map((one) => one.name))]
  const [image, label] = [imageNames, labelNames].map((names) => {
    const tops = topColumns(metadata)
    return tops.find((top) => names.includes(top.toLowerCase()))
  })
  if (image === undefined)
    return fail(`it has no column ${imageNames.slice(0, 3).join(', ')}, only ${columns.slice(0, 8).join(', ')}`)
  checkPages(bytes, metadata, [image, ...(label === undefined ? [] : [label])], fail)
  let values: readonly Row[]
  try {
    values = await parquetReadObjects({
      file: { byteLength: bytes.length, slice: (start, end) => Uint8Array.from(bytes.subarray(start, end)).buffer },
      metadata,
      columns: label === undefined ? [image] : [image, label],
      utf8: false,
      compressors: { SNAPPY: unsnapped },
    })
  } catch (cause) {
    return fail(`${reason(cause)}; get it again, or write it with Snappy or without compression`)
  }
  if (values.length !== rows) return fail(`it has ${values.length} rows, expected ${rows}; get it again`)
  const images = await imagesOf(values, image, name, context)
  if (label === undefined) return [images]
  const labels = Int32Array.from(values, (row, i) => labelOf(row[label], i, label, name))
  const classNames = namesOf(metadata, label)
  return [
    images,
    {
      name: `${name}: labels`,
      type: 'int32',
      shape: [rows],
      ...(classNames === undefined ? {} : { classNames }),
      read: async () => labels,
    },
  ]
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).slice(0, 160)

const footerOf = (bytes: Uint8Array, fail: (sentence: string) => never): FileMetaData => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = bytes.length < 12 ? 0 : view.getUint32(bytes.length - 8, true)
  if (length > Math.min(longestFooter, bytes.length - 12))
    return fail(`its footer should be ${length} bytes, the file has ${bytes.length}; get it again`)
  try {
    const metadata = parquetMetadata(bytes, { geoparquet: false })
    const rows = Number(metadata.num_rows)
    // An image takes a byte at least.
    if (!(rows >= 1 && rows <= bytes.length))
      return fail(`it should have ${metadata.num_rows} rows in ${bytes.length} bytes`)
    if (metadata.row_groups.length > most || metadata.schema.length > most)
      return fail(`it has ${metadata.row_groups.length} row groups and ${metadata.schema.length} columns`)
    const inGroups = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
    if (inGroups !== rows) return fail(`its row groups have ${inGroups} rows, expected ${rows}; get it again`)
    return metadata
  } catch (cause) {
    if (cause instanceof DataError) throw cause
    return fail(`its footer is damaged (${reason(cause)}); get it again`)
  }
}

const topColumns = ({ row_groups: groups }: FileMetaData): readonly string[] => [
  ...new Set((groups[0]?.columns ?? []).flatMap(({ meta_data: meta }) => meta?.path_in_schema[0] ?? [])),
]

/** Holds what the pages of the columns that are read announce to the bytes that they have. */
const checkPages = (
  bytes: Uint8Array,
  metadata: FileMetaData,
  wanted: readonly string[],
  fail: (sentence: string) => never,
): void => {
  let total = 0
  for (const { columns, num_rows: rows } of metadata.row_groups)
    for (const { meta_data: meta } of columns) {
      const [top = ''] = meta?.path_in_schema ?? []
      if (!meta || !wanted.includes(top)) continue
      if (meta.codec !== 'SNAPPY' && meta.codec !== 'UNCOMPRESSED')
        return fail(`its column ${top} is packed by ${meta.codec}; write it with Snappy, or without compression`)
      try {
        total += checkColumn(bytes, meta, Number(rows), fail)
      } catch (cause) {
        if (cause instanceof DataError) throw cause
        return fail(`its column ${top} is damaged (${reason(cause)}); get it again`)
      }
      if (total > mostInflation * bytes.length) return fail(`its pages should be ${total} bytes from ${bytes.length}`)
    }
}

/** @returns how many bytes its pages unpack to */
const checkColumn = (
  bytes: Uint8Array,
  meta: ColumnMetaData,
  rows: number,
  fail: (sentence: string) => never,
): number => {
  const called = `its column ${meta.path_in_schema.join('.')}`
  const start = Math.min(Number(meta.dictionary_page_offset ?? meta.data_page_offset), Number(meta.data_page_offset))
  const end = start + Number(meta.total_compressed_size)
  if (!(start >= 4 && end > start && end <= bytes.length))
    return fail(`${called} should lie at bytes ${start} to ${end} of ${bytes.length}; get it again`)
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset + start, end - start), offset: 0 }
  let [unpacked, values] = [0, 0]
  while (reader.offset < end - start - 1) {
    const header = parquetHeader(reader)
    const [packedBytes, pageBytes] = [header.compressed_page_size, header.uncompressed_page_size].map(Number) as [
      number,
      number,
    ]
    const counted = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header
    const count = Number(counted?.num_values ?? 0)
    if (!(packedBytes >= 0 && reader.offset + packedBytes <= end - start))
      return fail(`${called} has a page of ${packedBytes} bytes, more than are left; get it again`)
    if (!(pageBytes >= 0 && pageBytes <= Math.min(longestPage, 32 + mostInflation * packedBytes)))
      return fail(`${called} has a page of ${pageBytes} bytes from ${packedBytes}`)
    // Lists have more values than rows: each takes a bit of its page at least, if it is not one of a run.
    const mostValues = meta.path_in_schema.length > 2 ? 8 * (pageBytes + 1) * 64 : rows
    if (!(count >= 0 && count <= (header.dictionary_page_header ? pageBytes : mostValues)))
      return fail(`${called} has a page of ${count} values in ${pageBytes} bytes, of ${rows} rows`)
    if (!header.dictionary_page_header) values += count
    unpacked += pageBytes
    reader.offset += packedBytes
  }
  if (values > Math.max(rows, 64 * bytes.length)) return fail(`${called} has ${values} values, expected ${rows}`)
  return unpacked
}

/** As hyparquet's own, into memory of the size that was judged. */
const unsnapped = (input: Uint8Array, length: number): Uint8Array => {
  const output = new Uint8Array(length)
  snappyUncompress(input, output)
  return output
}

const imagesOf = async (
  rows: readonly Row[],
  column: string,
  name: string,
  context: ReadContext,
): Promise<StoredArray> => {
  const called = `${name}: images`
  const first = rows[0]?.[column]
  if (Array.isArray(first)) return listed(rows, column, name)
  const bytesOf = (i: number): Uint8Array => {
    const value = rows[i]?.[column]
    const bytes = value instanceof Uint8Array ? value : (value as { readonly bytes?: unknown } | null)?.bytes
    if (bytes instanceof Uint8Array) return bytes
    throw new DataError(
      `expected a picture's bytes in row ${i + 1}, column ${column}, found ${shown(value)} (${name}): embed the pictures in the table`,
    )
  }
  return stacked(
    called,
    rows.map((_, i) => ({ name: `row ${i + 1} of ${name}`, read: async () => bytesOf(i) })),
    context,
  )
}

const shown = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'string') return value.slice(0, 40)
  return typeof value === 'number' || typeof value === 'bigint' ? value.toString() : 'something else'
}

/** Images as lists of rows of pixels. */
const listed = (rows: readonly Row[], column: string, name: string): StoredArray => {
  const shape: number[] = []
  for (let value = rows[0]?.[column]; Array.isArray(value) && shape.length < 4; value = value[0] as unknown)
    shape.push(value.length)
  const pixels = shape.reduce((product, size) => product * size, 1)
  const side = Math.sqrt(pixels)
  const sizes = shape.length === 1 && Number.isInteger(side) ? [side, side] : shape
  return {
    name: `${name}: images`,
    type: 'uint8',
    shape: [rows.length, ...sizes],
    async read() {
      const data = new Uint8Array(rows.length * pixels)
      let at = 0
      rows.forEach((row, i) => {
        const before = at
        const put = (value: unknown): void => {
          if (Array.isArray(value)) for (const one of value) put(one)
          else {
            const number = Number(value)
            if (!(Number.isInteger(number) && number >= 0 && number <= 255))
              throw new DataError(
                `expected pixels from 0 to 255, found ${shown(value)} in row ${i + 1}, column ${column} (${name}): write them as uint8`,
              )
            if (at < data.length) data[at] = number
            at++
          }
        }
        put(row[column])
        if (at - before !== pixels)
          throw new DataError(
            `expected ${pixels} pixels as in the first row, found ${at - before} in row ${i + 1}, column ${column} (${name}): bring the images to one size`,
          )
      })
      return data
    },
  }
}

const labelOf = (value: unknown, row: number, column: string, name: string): number => {
  const label = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN
  if (Number.isInteger(label) && label >= 0 && label <= 0x7fffffff) return label
  throw new DataError(
    `expected a label as a whole number from 0, found ${shown(value)} in row ${row + 1}, column ${column} (${name}): number the classes from 0`,
  )
}

/** The classes' names as Hugging Face's datasets write them beside the table. */
const namesOf = ({ key_value_metadata: entries }: FileMetaData, column: string): readonly string[] | undefined => {
  const json = entries?.find(({ key }) => key === 'huggingface')?.value
  if (json === undefined) return undefined
  try {
    const { info } = JSON.parse(json) as { info?: { features?: Record<string, { names?: unknown }> } }
    const names = info?.features?.[column]?.names
    if (
      Array.isArray(names) &&
      names.every((one) => typeof one === 'string') &&
      names.length > 1 &&
      names.length <= 256
    )
      return names
  } catch {
    // Without names the classes are called by their numbers.
  }
  return undefined
}
