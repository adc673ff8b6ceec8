// Parquet tables put together byte by byte, so that they can say what no writer does.
import { ByteWriter } from 'hyparquet-writer'
import { serializeTCompactProtocol } from 'hyparquet-writer/src/thrift.js'

/** A struct of Thrift: its fields by their numbers, in ascending order. */
export type Fields = Readonly<Record<`field_${number}`, unknown>>

export const DATA_V2 = 3
export const [INT32, INT64, BYTE_ARRAY] = [1, 2, 6]
export const [PLAIN, DELTA_BINARY_PACKED, DELTA_BYTE_ARRAY, RLE_DICTIONARY] = [0, 5, 7, 8]

export const thrift = (fields: Fields): Buffer => {
  const writer = new ByteWriter()
  serializeTCompactProtocol(writer, fields)
  return Buffer.from(writer.getBytes())
}

/** A page: what its header says, and what is in it. */
const page = (header: Fields, content: Uint8Array, size = content.length): Buffer =>
  Buffer.concat([thrift({ field_1: 0, field_2: size, field_3: content.length, ...header }), content])

/** Six values of version 1. */
export const first = (encoding: number, content: Uint8Array, { values = 6, size = content.length } = {}): Buffer =>
  page({ field_5: { field_1: values, field_2: encoding, field_3: 3, field_4: 3 } }, content, size)

/** Six values of version 2, without levels unless they are given. */
export const second = (encoding: number, content: Uint8Array, levels: Fields = {}): Buffer =>
  page(
    {
      field_1: DATA_V2,
      field_8: { field_1: 6, field_2: 0, field_3: 6, field_4: encoding, field_5: 0, field_6: 0, ...levels },
    },
    content,
  )

/** A table of one column, `image`, from its pages. */
export const tableOf = (
  pages: Uint8Array,
  { rows = 6, type = BYTE_ARRAY, optional = false, snappy = false, chunk = {}, file = {} } = {},
): Buffer => {
  const column = {
    field_1: type,
    field_2: [0],
    field_3: ['image'],
    field_4: snappy ? 1 : 0,
    field_5: BigInt(rows),
    field_6: BigInt(pages.length),
    field_7: BigInt(pages.length),
    field_9: 4n,
    ...chunk,
  }
  const footer = thrift({
    field_1: 1,
    field_2: [
      { field_4: 'root', field_5: 1 },
      { field_1: type, field_3: optional ? 1 : 0, field_4: 'image' },
    ],
    field_3: BigInt(rows),
    field_4: [{ field_1: [{ field_2: 4n, field_3: column }], field_2: BigInt(pages.length), field_3: BigInt(rows) }],
    ...file,
  })
  return Buffer.concat([Buffer.from('PAR1'), pages, framed(footer)])
}

/** A footer with its length and mark. */
export const framed = (footer: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.length)
  return Buffer.concat([footer, length, Buffer.from('PAR1')])
}
