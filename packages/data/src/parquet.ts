// Parquet tables with an image a row, as Hugging Face has them: a column of pictures (image.bytes) or of lists of pixels, and a
// column of labels. hyparquet reads them; that a table asks for no more than its bytes can hold is looked after here first.
import { parquetReadObjects, type FileMetaData } from 'hyparquet'
import type { ArrayFile, ReadContext } from './array-formats'
import { DataError } from './data-error'
import { parsers, readFooter, reason } from './parquet-footer'
import { checkPages } from './parquet-pages'
import { stacked } from './picture-stack'
import { unsnapped } from './snappy'
import type { StoredArray } from './stored-array'

const labelNames = ['label', 'labels', 'class', 'target', 'digit', 'y', 'fine_label', 'coarse_label']
const imageNames = ['image', 'images', 'img', 'picture', 'pixels', 'x']

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
  const metadata = readFooter(bytes, fail)
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
      parsers,
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

const topColumns = ({ row_groups: groups }: FileMetaData): readonly string[] => [
  ...new Set((groups[0]?.columns ?? []).flatMap(({ meta_data: meta }) => meta?.path_in_schema[0] ?? [])),
]

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
