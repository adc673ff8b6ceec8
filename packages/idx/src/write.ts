import {
  bytesFor,
  encodeElements,
  IdxError,
  idxTypes,
  shown,
  type IdxArray,
  type IdxData,
  type IdxType,
} from './format'

/** What a file can be made of: an array with its type named, or told by the class of `data`. */
export type WritableArray =
  // its type is named
  | IdxArray
  // the class of its data says it
  | { readonly type?: never; readonly shape: readonly number[]; readonly data: IdxData }

/**
 * Writes an array as an IDX file, not compressed. Without `type` the class of `data` decides it.
 *
 * @throws IdxError if the data are not of the type, are more or fewer than the shape has places, the rank is above 255
 * or a size above 2^32 - 1
 */
export const writeIdx = ({ type: given, shape, data }: WritableArray): Uint8Array => {
  const type = given ?? typeOf(data)
  if (!Object.hasOwn(idxTypes, type))
    throw new IdxError(`there is no IDX type "${String(type)}": choose one of ${Object.keys(idxTypes).join(', ')}`)
  const { code, size, array } = idxTypes[type]
  if (!(data instanceof array))
    throw new IdxError(`expected a ${array.name} for ${type}, found a ${(data as object).constructor.name}`)
  if (shape.length > 255) throw new IdxError(`expected a rank of at most 255, found ${shape.length}`)
  const wrong = shape.find((side) => !Number.isInteger(side) || side < 0 || side > 0xffffffff)
  if (wrong !== undefined)
    throw new IdxError(`expected sizes from 0 to ${0xffffffff}, found ${wrong} in ${shown(shape)}`)
  const dataBytes = bytesFor(type, shape)
  if (dataBytes !== data.byteLength)
    throw new IdxError(`expected ${dataBytes / size} values for ${shown(shape)}, found ${data.length}`)
  const headerBytes = 4 + 4 * shape.length
  const bytes = new Uint8Array(headerBytes + dataBytes)
  const view = new DataView(bytes.buffer)
  bytes.set([0, 0, code, shape.length])
  shape.forEach((side, i) => view.setUint32(4 + 4 * i, side))
  encodeElements(type, data, bytes.subarray(headerBytes))
  return bytes
}

const typeOf = (data: IdxData): IdxType => {
  const found = (Object.keys(idxTypes) as IdxType[]).find((type) => data instanceof idxTypes[type].array)
  if (found) return found
  const arrays = Object.values(idxTypes).map(({ array }) => array.name)
  throw new IdxError(`expected one of ${arrays.join(', ')} as data, found a ${(data as object).constructor.name}`)
}
