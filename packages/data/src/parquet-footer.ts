// A Parquet table's footer: its columns, and where their pages lie. hyparquet reads it; that it asks for no more than its bytes can
// hold is looked after here first.
import { parquetMetadata, type FileMetaData, type ParquetParsers } from 'hyparquet'
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js'
import { DataError } from './data-error'
import { walkStruct } from './parquet-thrift'

/** More columns, row groups or names has no data set of images. */
const most = 10_000

/** Columns and row groups, multiplied: hyparquet has a copy of the schema for each group. */
const mostChunks = 2 ** 16

/** A table's footer names its columns. */
const longestFooter = 1 << 24

/** Lists of lists of lists of pixels in a struct lie nine deep; hyparquet writes the path to each column down. */
const deepest = 16

/** Thrift's numbers for what a column's statistics are read as. */
const DECIMAL = 5

/** Bytes of a decimal number: 76 digits. hyparquet's time for one grows with the square of its length. */
export const longestDecimal = 32

/** What a reader said of a damaged table, in a length for a sentence. */
export const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).slice(0, 160)

const asBytes = (bytes: Uint8Array): Uint8Array => bytes

/** What neither pictures nor labels are stays bytes: what is written in them may be longer than they. */
export const parsers: Partial<ParquetParsers> = {
  jsonFromBytes: asBytes,
  geometryFromBytes: asBytes,
  geographyFromBytes: asBytes,
  uuidFromBytes: asBytes,
}

/**
 * What a table says of itself.
 *
 * @param fail throws a DataError with the sentence
 */
export const readFooter = (bytes: Uint8Array, fail: (sentence: string) => never): FileMetaData => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = bytes.length < 12 ? 0 : view.getUint32(bytes.length - 8, true)
  if (length > Math.min(longestFooter, bytes.length - 12))
    return fail(`its footer should be ${length} bytes, the file has ${bytes.length}; get it again`)
  try {
    checkFooter(bytes.subarray(bytes.length - 8 - length, bytes.length - 8))
    const metadata = parquetMetadata(bytes, { geoparquet: false, parsers })
    for (const { columns } of metadata.row_groups)
      for (const { meta_data: meta } of columns) {
        const names: unknown = meta?.path_in_schema // of a damaged footer meta may be a number, 0 as well
        if (meta !== undefined && !(Array.isArray(names) && names.every((name) => typeof name === 'string')))
          throw new Error('a column has no name')
      }
    const rows = Number(metadata.num_rows)
    // An image takes a byte at least.
    if (!(rows >= 1 && rows <= bytes.length))
      return fail(`it should have ${metadata.num_rows} rows in ${bytes.length} bytes`)
    const [groups, columns] = [metadata.row_groups.length, metadata.schema.length]
    if (groups > most || columns > most || groups * columns > mostChunks)
      return fail(`it has ${groups} row groups and ${columns} columns`)
    const inGroups = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
    if (inGroups !== rows) return fail(`its row groups have ${inGroups} rows, expected ${rows}; get it again`)
    return metadata
  } catch (cause) {
    if (cause instanceof DataError) throw cause
    return fail(`its footer is damaged (${reason(cause)}); get it again`)
  }
}

/** Holds a footer to what hyparquet can make of it in a bearable time. */
const checkFooter = (footer: Uint8Array): void => {
  walkStruct(footer, 0)
  const view = new DataView(footer.buffer, footer.byteOffset, footer.byteLength)
  const { field_2: schema, field_4: groups } = deserializeTCompactProtocol({ view, offset: 0 }) as unknown as RawFooter
  if (!schema || !groups) throw new Error('it names no columns or row groups')
  const open: number[] = [] // children that are to come, of each element around
  for (const { field_5: children = 0 } of schema) {
    if (open.length > 0) open.push((open.pop() ?? 0) - 1)
    if (children > 0) open.push(children)
    if (open.length > deepest) throw new Error(`its columns lie more than ${deepest} deep`)
    while (open.at(-1) === 0) open.pop()
  }
  if (open.length > 0) throw new Error(`it lacks ${open.at(-1)} of its columns`)
  const leaves = schema.filter(({ field_1: type }) => type !== undefined)
  for (const { field_1: columns } of groups)
    for (const [i, { field_3: meta }] of columns.entries()) {
      if (leaves[i]?.field_6 !== DECIMAL) continue
      for (const value of Object.values(meta?.field_12 ?? {}))
        if (value instanceof Uint8Array && value.length > longestDecimal)
          throw new Error(`a number of its column ${i + 1} has ${value.length} bytes`)
    }
}

/** A footer's fields as Thrift numbers them, those that are looked at. */
interface RawFooter {
  readonly field_2?: readonly { readonly field_1?: number; readonly field_5?: number; readonly field_6?: number }[]
  readonly field_4?: readonly {
    readonly field_1: readonly { readonly field_3?: { readonly field_12?: Readonly<Record<string, unknown>> } }[]
  }[]
}
