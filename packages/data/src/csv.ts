// Tables of text with an image a row: Kaggle's digits (label, pixel0, ...), sign-language MNIST, and tables without a header, as
// pjreddie's and EMNIST's. Read in pieces: of a file of 100 MB no more is held than its pixels.
import { gunzipped } from '@digitlab/idx'
import type { ArrayFile, ReadContext } from './array-formats'
import { DataError } from './data-error'
import type { StoredArray } from './stored-array'

const labelNames = /^(label|labels|class|target|digit|letter|y)$/i
/** Columns that number the rows. */
const rowNames = /^(id|index|imageid|image_id|unnamed: 0|)$/i

/** A megapixel. Larger images are not kept as text. */
const mostColumns = 2 ** 20 + 2
const longestRow = 16 * mostColumns

/** What the columns of a table are. */
interface Columns {
  readonly count: number
  readonly separator: number
  readonly label: number | undefined
  /** How many are pixels: all but the label and those that number the rows. */
  readonly pixels: number
  readonly isPixel: (column: number) => boolean
  readonly shape: readonly number[]
}

/**
 * Whether a file begins as a table of numbers: text, in its first line a separator, and in its first or second a number at least.
 *
 * @param beginning unpacked
 */
export const isCsv = (beginning: Uint8Array): boolean => {
  const text = new TextDecoder().decode(beginning.subarray(0, 512)).replace(/^\uFEFF/, '')
  if (/[^\t\r\n\x20-\x7e]/.test(text)) return false
  const [first = '', second = ''] = text.split(/\r?\n/)
  return (
    /^\s*"?-?[\d.]+"?\s*[,;\t]/.test(first) ||
    (/^[\w":\s.-]+[,;\t]/.test(first) && (second === '' || /\d/.test(second)))
  )
}

/**
 * The arrays in a table: `images`, [rows, height, width] or [rows, height, width, 3], bytes or, where a pixel is none, float32; and
 * `labels` where a column has them: one that is called so, or without a header the first.
 *
 * @throws DataError with the row where rows are of other lengths, a label is not a whole number, or a pixel is not a number
 */
export const arraysInCsv = async (
  { name, open }: ArrayFile,
  { size }: ReadContext = {},
): Promise<readonly StoredArray[]> => {
  let columns: Columns | undefined
  let rows: Rows | undefined
  let number = 0
  for await (const line of linesOf(gunzipped(open(), { name }), name)) {
    number++
    if (line.length === 0 || (number > 1 && line.every((byte) => byte === 0x20))) continue
    if (!columns || !rows) {
      const first = firstLine(line, name, size)
      columns = first.columns
      rows = new Rows(columns, name)
      if (first.isHeader) continue
    }
    rows.add(line, number)
  }
  if (!columns || !rows || rows.count === 0)
    throw new DataError(`expected rows of a label and pixels, ${name} has none: give a table of images`)
  const { images, labels, count } = rows.taken()
  const type = images instanceof Uint8Array ? 'uint8' : 'float32'
  return [
    { name: `${name}: images`, type, shape: [count, ...columns.shape], read: async () => images },
    ...(columns.label === undefined
      ? []
      : [{ name: `${name}: labels`, type: 'int32', shape: [count], read: async () => labels }]),
  ]
}

/** The lines of a text, without their ends. Each is valid until the next is asked for. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  let held: Uint8Array<ArrayBufferLike> = new Uint8Array(0)
  let begins = true
  const trimmed = (line: Uint8Array) => (line.at(-1) === 0x0d ? line.subarray(0, -1) : line)
  for await (const piece of pieces) {
    let from = 0
    if (begins && piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf) from = 3 // a byte order mark
    begins = false
    for (let end = piece.indexOf(0x0a, from); end >= 0; end = piece.indexOf(0x0a, from)) {
      const rest = piece.subarray(from, end)
      yield trimmed(held.length > 0 ? joined(held, rest) : rest)
      held = new Uint8Array(0)
      from = end + 1
    }
    if (from < piece.length) held = joined(held, piece.subarray(from))
    if (held.length > longestRow)
      throw new DataError(
        `expected rows of at most ${longestRow} bytes, ${name} has a longer one: give a table of images`,
      )
  }
  if (held.length > 0) yield trimmed(held)
}

/** With room to spare, so that a line of many pieces is copied a few times and not once a piece. */
const joined = (held: Uint8Array, more: Uint8Array): Uint8Array => {
  const length = held.length + more.length
  if (held.byteOffset === 0 && held.buffer.byteLength >= length && held.length > 0) {
    const longer = new Uint8Array(held.buffer, 0, length)
    longer.set(more, held.length)
    return longer
  }
  const longer = new Uint8Array(new ArrayBuffer(2 * length), 0, length)
  longer.set(held)
  longer.set(more, held.length)
  return longer
}

/** What the first line says of the columns. */
const firstLine = (
  line: Uint8Array,
  name: string,
  size: readonly [number, number] | undefined,
): { readonly columns: Columns; readonly isHeader: boolean } => {
  const separator = [0x2c, 0x3b, 0x09].reduce((most, one) => (count(line, one) > count(line, most) ? one : most), 0x2c)
  const columnCount = count(line, separator) + 1
  if (columnCount > mostColumns)
    throw new DataError(`expected at most ${mostColumns} columns, ${name} has ${columnCount}: give a table of images`)
  const cells = new TextDecoder().decode(line).split(String.fromCharCode(separator)).map(unquoted)
  const isHeader = cells.some((cell) => cell !== '' && !Number.isFinite(Number(cell)))
  const numbers = isHeader ? cells.flatMap((cell, i) => (rowNames.test(cell) ? [i] : [])) : []
  const named = isHeader ? cells.flatMap((cell, i) => (labelNames.test(cell) ? [i] : [])) : []
  if (named.length > 1)
    throw new DataError(
      `expected one column of labels, ${name} has ${named.map((i) => cells[i]).join(' and ')}: leave one of them out`,
    )
  const left = columnCount - numbers.length
  const fits = (pixels: number) => shapeOf(pixels, size) !== undefined
  // Without a header the label is first; a table that makes images without one has none.
  const label = named[0] ?? (!isHeader && !fits(left) && fits(left - 1) ? 0 : undefined)
  const pixels = left - (label === undefined ? 0 : 1)
  const shape = shapeOf(pixels, size)
  if (!shape)
    throw new DataError(
      size
        ? `expected ${size[0] * size[1]} columns of pixels for ${size[0]} x ${size[1]}, ${name} has ${pixels}: give the size of its images`
        : `expected as many pixels as a square has, as 784 for 28 x 28, and a label, ${name} has ${columnCount} columns: say how high and wide its images are`,
    )
  const skipped = new Set(label === undefined ? numbers : [...numbers, label])
  return {
    columns: { count: columnCount, separator, label, pixels, isPixel: (column) => !skipped.has(column), shape },
    isHeader,
  }
}

const count = (line: Uint8Array, byte: number): number => {
  let found = 0
  for (const one of line) if (one === byte) found++
  return found
}

const unquoted = (cell: string): string =>
  cell
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .trim()

const shapeOf = (
  pixels: number,
  size: readonly [number, number] | undefined,
): readonly [number, number] | readonly [number, number, 3] | undefined => {
  if (size) {
    const [height, width] = size
    if (pixels === height * width) return [height, width]
    return pixels === 3 * height * width ? [height, width, 3] : undefined
  }
  for (const channels of [1, 3] as const) {
    const side = Math.sqrt(pixels / channels)
    if (side >= 2 && Number.isInteger(side)) return channels === 1 ? [side, side] : [side, side, 3]
  }
  return undefined
}

/** The pixels and labels of the rows that came so far. */
class Rows {
  count = 0
  readonly #columns: Columns
  readonly #name: string
  readonly #plain: boolean
  #images: Uint8Array | Float32Array = new Uint8Array(0)
  #labels = new Int32Array(64)
  #at = 0

  constructor(columns: Columns, name: string) {
    this.#columns = columns
    this.#name = name
    // Every column a pixel but the label, and that the first: no set is asked for each cell.
    this.#plain = columns.count === columns.pixels + (columns.label === 0 ? 1 : 0)
  }

  add(line: Uint8Array, number: number): void {
    const { separator, count } = this.#columns
    const { pixels } = this.#columns
    if (this.#images.length < (this.count + 1) * pixels) this.#grow(pixels)
    if (this.count === this.#labels.length) {
      const longer = new Int32Array(2 * this.count)
      longer.set(this.#labels)
      this.#labels = longer
    }
    this.#at = this.count * pixels
    let column = 0
    for (let at = 0; at <= line.length; at++) {
      if (column === count) this.#wrongLength(line, number)
      let value = 0
      const from = at
      let byte = line[at] as number // past the end undefined, which is not a digit
      while (byte >= 0x30 && byte <= 0x39) {
        value = 10 * value + byte - 0x30
        byte = line[++at] as number
      }
      if (at === from || at - from > 9 || (at < line.length && byte !== separator)) {
        const end = line.indexOf(separator, from)
        at = end < 0 ? line.length : end
        value = this.#unusual(new TextDecoder().decode(line.subarray(from, at)), number, column)
      }
      this.#put(value, number, column++)
    }
    if (column !== count) this.#wrongLength(line, number)
    this.count++
  }

  taken(): { readonly images: Uint8Array | Float32Array; readonly labels: Int32Array; readonly count: number } {
    const { pixels } = this.#columns
    return {
      images: this.#images.subarray(0, this.count * pixels),
      labels: this.#labels.subarray(0, this.count),
      count: this.count,
    }
  }

  #put(value: number, number: number, column: number): void {
    const { label, isPixel } = this.#columns
    if (column === label) {
      if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff)
        throw new DataError(
          `expected a label as a whole number from 0, found ${value} in row ${number}, column ${column + 1} (${this.#name}): number the classes from 0`,
        )
      this.#labels[this.count] = value
      return
    }
    if (!this.#plain && !isPixel(column)) return
    if (value > 255)
      throw new DataError(
        `expected pixels from 0 to 255, found ${value} in row ${number}, column ${column + 1} (${this.#name}): scale them, or give a table of images`,
      )
    if (this.#images instanceof Uint8Array && (value < 0 || !Number.isInteger(value))) {
      const floats = new Float32Array(this.#images.length)
      floats.set(this.#images.subarray(0, this.#at))
      this.#images = floats
    }
    this.#images[this.#at++] = value
  }

  /** A number in quotes, with spaces, a sign or a fraction. */
  #unusual(text: string, number: number, column: number): number {
    const cell = unquoted(text)
    const value = Number(cell)
    if (cell !== '' && Number.isFinite(value)) return value
    const { label, isPixel } = this.#columns
    if (column !== label && !isPixel(column)) return 0
    throw new DataError(
      `expected a number, found ${cell === '' ? 'nothing' : JSON.stringify(cell.slice(0, 40))} in row ${number}, column ${column + 1} (${this.#name}): ${column === label ? 'number the classes from 0' : 'fix that row, or leave it out'}`,
    )
  }

  #wrongLength(line: Uint8Array, number: number): never {
    const { separator, count: expected } = this.#columns
    throw new DataError(
      `expected ${expected} columns as in the first row, found ${count(line, separator) + 1} in row ${number} (${this.#name}): fix that row, or get the file again`,
    )
  }

  #grow(pixels: number): void {
    const room = Math.max(2 * this.#images.length, 64 * pixels > 2 ** 22 ? pixels : 64 * pixels)
    const longer = this.#images instanceof Uint8Array ? new Uint8Array(room) : new Float32Array(room)
    longer.set(this.#images)
    this.#images = longer
  }
}
