// The compact form of Thrift in which Parquet writes its footer and the headers of pages. hyparquet reads it; what it asks for is held
// here to the bytes that it has, first: a list makes room for as many elements as it announces, and a number may have any length.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

const [BYTE, DOUBLE, BINARY, LIST, STRUCT] = [3, 7, 8, 9, 12] as const

/** A footer's statistics lie five deep. */
const deepest = 16

/** A table of 8000 column chunks has fewer; as many as these take hyparquet 50 MB. */
const mostElements = 400_000

/** Numbers have 64 bits at most, seven a byte. */
const longestNumber = 10

/**
 * Walks a struct.
 *
 * @param start its first byte
 * @returns the byte after its end
 * @throws Error if it ends nowhere, or announces more than its bytes can hold
 */
export const walkStruct = (bytes: Uint8Array, start: number): number => {
  let [at, elements] = [start, 0]
  const byte = (): number => {
    const value = bytes[at++]
    if (value === undefined) throw new Error('it ends in the middle of a value')
    return value
  }
  const number = (): number => {
    let value = 0
    for (let i = 0; i < longestNumber; i++) {
      const seven = byte()
      value += (seven & 127) * 2 ** (7 * i)
      if (seven < 128) return value
    }
    throw new Error(`it has a number of more than ${longestNumber} bytes`)
  }
  const skip = (count: number): void => {
    if (count > bytes.length - at) throw new Error(`it has a value of ${count} bytes, ${bytes.length - at} are left`)
    at += count
  }
  const element = (type: number, depth: number): void => {
    if (++elements > mostElements) throw new Error(`it has more than ${mostElements} values`)
    if (depth > deepest) throw new Error(`its values lie more than ${deepest} deep`)
    if (type < BYTE) return
    if (type === BYTE) skip(1)
    else if (type < DOUBLE) number()
    else if (type === DOUBLE) skip(8)
    else if (type === BINARY) skip(number())
    else if (type === LIST) list(depth)
    else if (type === STRUCT) struct(depth)
    else throw new Error(`it has a value of type ${type}, which Parquet does not use`)
  }
  const list = (depth: number): void => {
    const head = byte()
    const count = head >> 4 === 15 ? number() : head >> 4
    if (count > bytes.length - at) throw new Error(`it has a list of ${count} values in ${bytes.length - at} bytes`)
    const type = head & 15
    for (let i = 0; i < count; i++) element(type < BYTE ? BYTE : type, depth + 1)
  }
  const struct = (depth: number): void => {
    for (let head = byte(); (head & 15) !== 0; head = byte()) {
      if (head >> 4 === 0) number()
      element(head & 15, depth + 1)
    }
  }
  struct(0)
  return at
}
