// Walks the pages of a Parquet table before hyparquet reads them. hyparquet believes what a page says of itself: a run of 2^31 levels
// for six values, a length that is missing or a block of no values keep it busy for minutes, or for ever. Each walk takes the steps
// that hyparquet takes, so that what passes here ends there.
import { parquetSchema, type ColumnMetaData, type FileMetaData, type PageHeader, type SchemaTree } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js'
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js'
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from 'hyparquet/src/schema.js'
import { DataError } from './data-error'
import { longestDecimal, reason } from './parquet-footer'
import { walkStruct } from './parquet-thrift'
import { unsnapped } from './snappy'

/** A page of a column unpacked. Writers make pages of 1 MB, or of a row group's pictures. */
const longestPage = 2 ** 29

/** Bytes that one byte may stand for: in Snappy 64 for 3, in a column's runs of one value many more. */
const mostInflation = 64

/** Lists of lists of lists of pixels, each with a name between: a level more for each makes an array more of each value. */
const deepest = 9

/** Values that a bit-packed run may be filled up with: writers fill up to 8, and some to the 63 groups that one byte announces. */
const mostPadding = 504

/** Values of a block of differences; writers take 128, DuckDB 2048. */
const longestBlock = 2 ** 20

interface Column {
  readonly meta: ColumnMetaData
  readonly path: readonly SchemaTree[]
  readonly repetition: number
  readonly definition: number
  readonly fixedLength: number
}

/** A page, or what is left of it, as hyparquet's readers take it. */
interface PageReader {
  view: DataView
  offset: number
}

const readerOf = (bytes: Uint8Array): PageReader => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  offset: 0,
})

/**
 * Holds what the pages of the columns that are read announce, outside and in, to the bytes that they have.
 *
 * @param wanted names of columns at the top
 * @param fail throws a DataError with the sentence
 */
export const checkPages = (
  bytes: Uint8Array,
  metadata: FileMetaData,
  wanted: readonly string[],
  fail: (sentence: string) => never,
): void => {
  let [total, packed] = [0, 0]
  const schema = parquetSchema(metadata)
  for (const { columns, num_rows: rows } of metadata.row_groups)
    for (const { meta_data: meta } of columns) {
      const [top = ''] = meta?.path_in_schema ?? []
      if (!meta || !wanted.includes(top)) continue
      if (meta.codec !== 'SNAPPY' && meta.codec !== 'UNCOMPRESSED')
        return fail(`its column ${top} is packed by ${meta.codec}; write it with Snappy, or without compression`)
      try {
        total += checkColumn(bytes, columnOf(meta, schema), Number(rows))
      } catch (cause) {
        if (cause instanceof DataError) throw cause
        return fail(`its column ${meta.path_in_schema.join('.')} is damaged (${reason(cause)}); get it again`)
      }
      packed += Number(meta.total_compressed_size)
      if (packed > bytes.length) return fail(`its columns should take ${packed} bytes of ${bytes.length}`)
      if (total > mostInflation * bytes.length) return fail(`its pages should be ${total} bytes from ${bytes.length}`)
    }
}

const columnOf = (meta: ColumnMetaData, schema: SchemaTree): Column => {
  const path = getTreePath(schema, meta.path_in_schema)
  if (path.length > deepest) throw new Error(`it lies ${path.length} deep`)
  const element = path.at(-1)?.element
  const fixedLength = element?.type_length ?? 0
  if (path.some(({ element }) => element.logical_type?.type === 'VARIANT')) throw new Error('it is of type VARIANT')
  const isBytes = meta.type === 'BYTE_ARRAY' || (meta.type === 'FIXED_LEN_BYTE_ARRAY' && fixedLength > longestDecimal)
  if (element?.converted_type === 'DECIMAL' && isBytes) throw new Error('its decimal numbers may have any length')
  const nodes = [...path]
  return { meta, path, repetition: getMaxRepetitionLevel(nodes), definition: getMaxDefinitionLevel(nodes), fixedLength }
}

/** @returns how many bytes its pages unpack to */
const checkColumn = (bytes: Uint8Array, column: Column, rows: number): number => {
  const { meta, repetition } = column
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset) // 0 where there is none, in some
  const end = start + Number(meta.total_compressed_size)
  if (!(start >= 4 && end > start && end <= bytes.length))
    throw new Error(`it should lie at bytes ${start} to ${end} of ${bytes.length}`)
  const chunk = bytes.subarray(start, end)
  const reader = readerOf(chunk)
  let [unpacked, values] = [0, 0]
  while (reader.offset < chunk.length - 1) {
    walkStruct(chunk, reader.offset)
    const header = parquetHeader(reader)
    const { compressed_page_size: packed, uncompressed_page_size: size } = header
    const [isData, count] = countOf(header)
    if (!isWhole(packed, chunk.length - reader.offset))
      throw new Error(`it has a page of ${shown(packed)} bytes, ${chunk.length - reader.offset} are left`)
    if (!isWhole(size, Math.min(longestPage, 32 + mostInflation * packed)))
      throw new Error(`it has a page of ${shown(size)} bytes from ${packed}`)
    // Lists have more values than rows: each takes a bit of its page at least, if it is not one of a run.
    const most = !isData ? size : repetition > 0 ? 8 * (size + 1) * mostInflation : rows
    if (!isWhole(count, most))
      throw new Error(`it has a page of ${shown(count)} values in ${size} bytes, of ${rows} rows`)
    const page = chunk.subarray(reader.offset, reader.offset + packed)
    unpacked += size + (isData ? walkPage(page, header, column, count) : 0)
    if (isData) values += count
    reader.offset += packed
  }
  if (values > Math.max(rows, mostInflation * bytes.length))
    throw new Error(`it has ${values} values, expected ${rows}`)
  return unpacked
}

const isWhole = (value: unknown, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most

const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : '?')

/** Whether a page holds values of rows (a dictionary's are none), and how many it says it has. */
const countOf = (header: PageHeader): readonly [isData: boolean, count: unknown] => {
  if (header.type === 'DATA_PAGE') return [true, header.data_page_header?.num_values]
  if (header.type === 'DATA_PAGE_V2') return [true, header.data_page_header_v2?.num_values]
  if (header.type === 'DICTIONARY_PAGE') return [false, header.dictionary_page_header?.num_values]
  throw new Error('it has a page of an unknown type')
}

/** @returns bytes that its values take beside the page */
const walkPage = (packed: Uint8Array, header: PageHeader, column: Column, count: number): number => {
  const v2 = header.type === 'DATA_PAGE_V2' ? header.data_page_header_v2 : undefined
  return v2
    ? walkSecond(packed, header.uncompressed_page_size, v2, column, count)
    : walkFirst(packed, header.uncompressed_page_size, header.data_page_header?.encoding, column, count)
}

const unpackedOf = (packed: Uint8Array, size: number, { meta }: Column): Uint8Array =>
  meta.codec === 'SNAPPY' ? unsnapped(packed, size) : packed

/** A page of version 1: levels with their lengths before them, and values, packed together. */
const walkFirst = (
  packed: Uint8Array,
  size: number,
  encoding: string | undefined,
  column: Column,
  count: number,
): number => {
  const { definition, repetition, meta } = column
  if (encoding === 'PLAIN' && definition === 0 && repetition === 0) return 0
  const reader = readerOf(unpackedOf(packed, size, column))
  let present = count
  for (const most of [repetition, definition]) {
    if (most === 0) continue
    const { view, offset } = reader
    const length = view.getUint32(offset, true)
    reader.offset += 4
    walkRuns(reader, widthOf(most), count)
    if (most === definition && hasExactCount(encoding)) present = presentIn({ view, offset }, definition, count)
    reader.offset = offset + 4 + length
  }
  return walkValues(reader, encoding, column, present, meta.type === 'BOOLEAN')
}

/** How many of the values are there, of levels that have been walked. */
const presentIn = (reader: PageReader, definition: number, count: number): number => {
  const levels = new Array<number>(count)
  readRleBitPackedHybrid(reader, widthOf(definition), levels)
  return levels.reduce((sum, level) => sum + (level === definition ? 1 : 0), 0)
}

/** A page of version 2: levels whose lengths are in the header, unpacked, and values. */
const walkSecond = (
  packed: Uint8Array,
  size: number,
  header: NonNullable<PageHeader['data_page_header_v2']>,
  column: Column,
  count: number,
): number => {
  const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } = header
  const most = Math.min(packed.length, size)
  if (!isWhole(repetition, most) || !isWhole(definition, most - repetition))
    throw new Error(`it has a page with ${shown(repetition)} and ${shown(definition)} bytes of levels in ${most}`)
  if (!isWhole(header.num_nulls, count) || !isWhole(header.num_rows, count))
    throw new Error(
      `it has a page of ${shown(header.num_nulls)} nulls and ${shown(header.num_rows)} rows in ${count} values`,
    )
  const levels = readerOf(packed)
  if (column.repetition > 0) walkRuns(levels, widthOf(column.repetition), count)
  levels.offset = repetition
  if (column.definition > 0) walkRuns(levels, widthOf(column.definition), count)
  const rest = packed.subarray(column.definition > 0 ? repetition + definition : repetition)
  const values = header.is_compressed === false ? rest : unpackedOf(rest, size - definition - repetition, column)
  return walkValues(readerOf(values), header.encoding, column, count - header.num_nulls, header.encoding === 'RLE')
}

const widthOf = (level: number): number => 32 - Math.clz32(level)

const hasExactCount = (encoding: string | undefined): boolean =>
  encoding !== undefined && (encoding.startsWith('DELTA') || encoding === 'BYTE_STREAM_SPLIT')

/** @returns bytes that the values take beside the page */
const walkValues = (
  reader: PageReader,
  encoding: string | undefined,
  column: Column,
  count: number,
  areFlags: boolean,
): number => {
  if (encoding?.endsWith('DICTIONARY') || encoding === 'RLE') {
    if (areFlags) reader.offset += 4
    const width = areFlags ? 1 : reader.view.getUint8(reader.offset++)
    walkRuns(reader, width, count)
  } else if (encoding === 'DELTA_BINARY_PACKED') walkDeltas(reader, count)
  else if (encoding === 'DELTA_LENGTH_BYTE_ARRAY') walkDeltas(reader, count)
  else if (encoding === 'DELTA_BYTE_ARRAY') return walkPrefixed(reader, count)
  else if (encoding === 'BYTE_STREAM_SPLIT') {
    const bytes = column.meta.type === 'FIXED_LEN_BYTE_ARRAY' ? column.fixedLength : 4
    if (count * bytes > reader.view.byteLength) throw new Error(`it has a page of ${count} values of ${bytes} bytes`)
  }
  return 0
}

/** A number of seven bits a byte, as hyparquet reads it where it is one of 32 bits. */
const numberOf = (reader: PageReader): number => {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const seven = reader.view.getUint8(reader.offset++)
    value |= (seven & 127) << shift
    if (seven < 128) return value >>> 0
  }
  throw new Error('it has a number of more than 5 bytes')
}

/** Runs of one value and of bits, until `count` values are seen or the page ends. */
const walkRuns = (reader: PageReader, width: number, count: number): void => {
  if (width > 32) throw new Error(`it has values of ${width} bits`)
  let seen = 0
  while (seen < count && reader.offset < reader.view.byteLength) {
    const head = numberOf(reader)
    const isPacked = (head & 1) === 1
    const size = head >>> 1
    seen += isPacked ? 8 * size : size
    if (seen > (isPacked ? count + mostPadding : count)) throw new Error(`it has a run to value ${seen} of ${count}`)
    reader.offset += isPacked ? Math.max(1, size * width) : Math.ceil(width / 8)
  }
}

/** Blocks of differences; the reader is left behind them. */
const walkDeltas = (reader: PageReader, count: number): void => {
  const [block, parts] = [numberOf(reader), numberOf(reader)]
  const values = block / parts
  if (!(block > 0 && block <= longestBlock && parts <= reader.view.byteLength && values % 32 === 0))
    throw new Error(`it has blocks of ${block} values in ${parts} parts`)
  numberOf(reader) // how many there are
  skipNumber(reader)
  for (let seen = 1; seen < count;) {
    skipNumber(reader)
    const widths = reader.offset
    reader.offset += parts
    for (let i = 0; i < parts && seen < count; i++, seen += values) {
      const width = reader.view.getUint8(widths + i)
      if (width > 64) throw new Error(`it has differences of ${width} bits`)
      reader.offset += (values * width) / 8
    }
  }
}

/** A number of 64 bits. */
const skipNumber = (reader: PageReader): void => {
  const start = reader.offset
  while (reader.view.getUint8(reader.offset++) >= 128)
    if (reader.offset - start >= 10) throw new Error('it has a number of more than 10 bytes')
}

/** Strings that begin as the one before does. @returns the bytes of what is put together */
const walkPrefixed = (reader: PageReader, count: number): number => {
  const [prefixes, rests] = [0, 1].map(() => {
    const { offset, view } = reader
    walkDeltas(reader, count)
    const lengths = new Int32Array(count)
    deltaBinaryUnpack({ view, offset }, count, lengths)
    return lengths
  }) as [Int32Array, Int32Array]
  let [total, before] = [0, 0]
  for (const [i, prefix] of prefixes.entries()) {
    const length = prefix + (rests[i] ?? 0)
    if (prefix < 0 || prefix > before || length < prefix)
      throw new Error(`its value ${i + 1} takes ${prefix} bytes of the ${before} before it`)
    total += length
    before = length
  }
  if (total > mostInflation * reader.view.byteLength + 4096) throw new Error(`its page should hold ${total} bytes`)
  return total
}
