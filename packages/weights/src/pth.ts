// PyTorch's own files: what torch.save(model.state_dict(), path) writes, in its zip format and in the one before it.
//
// Source: PyTorch's torch/serialization.py and torch/_utils.py (`_rebuild_tensor_v2`).
import type { StateDict } from '@digitlab/models'
import { elementTypes, type ElementType } from './element-types'
import { Global, readPickle, shownPickled, Tuple, type Fail, type PickleOptions } from './pickle'
import { isCount, mostValues, sizeOf } from './shape'
import { quoted, shownShape } from './shown'
import { WeightsError } from './weights-error'
import { readZip } from './zip'

/** Opens a file in the format before zip. */
const magic = 0x1950a86a20f9469cfc6cn
const legacyProtocol = 1001

const storageTypes: Readonly<Record<string, ElementType>> = {
  FloatStorage: elementTypes.float32,
  DoubleStorage: elementTypes.float64,
  HalfStorage: elementTypes.float16,
  BFloat16Storage: elementTypes.bfloat16,
  LongStorage: elementTypes.int64,
}

/** Memory that tensors are views of. */
interface Storage {
  readonly key: string
  readonly typeName: string
  /** Elements. */
  readonly count: number
}

class Tensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/**
 * Reads a state dict that PyTorch saved: strides, offsets and shared storages are followed, both byte orders are taken;
 * float64, float16, bfloat16 and int64 become float32. Of a dict that holds more, its `state_dict` or `model_state_dict` is
 * read. The pickle in it is data here: any name but those of a state dict is refused, and nothing is ever run.
 *
 * @param name how to call the file in an error
 * @throws WeightsError where the file is cut off, damaged or hostile, naming entry, expected and found
 */
export const readPth = (
  bytes: Uint8Array,
  name = 'the file',
): { weights: StateDict; metadata: ReadonlyMap<string, string> } => {
  const fail: Fail = (sentence, cause) => {
    throw new WeightsError(
      `${name} is no sound PyTorch file: ${sentence}; get or write it again`,
      cause === undefined ? {} : { cause },
    )
  }
  const [first, second] = bytes
  const saved =
    first === 0x50 && second === 0x4b
      ? fromZip(bytes, fail)
      : first === 0x80
        ? fromLegacy(bytes, fail)
        : fail('it is neither a zip archive nor a pickle')
  return { weights: stateDictOf(saved, mostValues(bytes.length), fail), metadata: new Map() }
}

/** What a file holds, and where its storages lie. */
interface Saved {
  readonly value: unknown
  readonly bytesOf: (storage: Storage) => Uint8Array
  readonly littleEndian: boolean
}

const fromZip = (bytes: Uint8Array, fail: Fail): Saved => {
  const records = readZip(bytes, fail)
  const [pickle, ...more] = [...records.keys()].filter((record) => /^[^/]+\/data\.pkl$/.test(record))
  if (pickle === undefined || more.length > 0)
    return fail(
      `expected one data.pkl in the folder of the archive, found ${more.length > 0 ? more.length + 1 : 'none'}`,
    )
  const root = pickle.slice(0, -'data.pkl'.length)
  const { options, storages } = reading(fail)
  const { value } = readPickle(records.get(pickle) as Uint8Array, 0, options)
  const order = records.get(`${root}byteorder`)
  const byteOrder = order ? new TextDecoder().decode(order) : 'little'
  if (byteOrder !== 'little' && byteOrder !== 'big')
    return fail(`its byte order is ${quoted(byteOrder)}, expected "little" or "big"`)
  return {
    value,
    littleEndian: byteOrder === 'little',
    bytesOf: (storage) => {
      const record = `${root}data/${storage.key}`
      const content = records.get(record) ?? fail(`it has no record ${quoted(record)}`)
      const length = bytesIn(storages.get(storage.key) as Storage)
      if (content.length !== length)
        return fail(`the record ${quoted(record)} holds ${content.length} bytes, expected ${length}`)
      return content
    },
  }
}

const fromLegacy = (bytes: Uint8Array, fail: Fail): Saved => {
  const { options, storages } = reading(fail)
  let at = 0
  const next = (): unknown => {
    const { value, end } = readPickle(bytes, at, options)
    at = end
    return value
  }
  const opening = next()
  if (opening !== magic) fail(`it begins with ${shownPickled(opening)}, expected PyTorch's magic number`)
  const protocol = next()
  if (protocol !== legacyProtocol) fail(`its protocol is ${shownPickled(protocol)}, expected ${legacyProtocol}`)
  const system = next()
  const littleEndian: unknown = system instanceof Map ? system.get('little_endian') : undefined
  if (typeof littleEndian !== 'boolean') return fail('it does not say in what byte order it is')
  const value = next()
  const keys = next()
  if (!Array.isArray(keys)) return fail(`its list of storages is ${shownPickled(keys)}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const contents = new Map<string, Uint8Array>()
  for (const key of keys as unknown[]) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined
    if (!storage) return fail(`it lists the storage ${shownPickled(key)}, which no entry uses`)
    if (at + 8 > bytes.length) fail(`it is cut off at byte ${bytes.length}, before the storage ${quoted(storage.key)}`)
    const count = Number(view.getBigInt64(at, littleEndian))
    if (count !== storage.count)
      return fail(`the storage ${quoted(storage.key)} holds ${count} elements, expected ${storage.count}`)
    const from = at + 8
    at = from + bytesIn(storage)
    if (at > bytes.length) fail(`the storage ${quoted(storage.key)} ends at byte ${at}, the file at ${bytes.length}`)
    contents.set(storage.key, bytes.subarray(from, at))
  }
  return {
    value,
    littleEndian,
    bytesOf: ({ key }) => contents.get(key) ?? fail(`it does not hold the storage ${quoted(key)}`),
  }
}

const bytesIn = ({ typeName, count }: Storage): number => count * (storageTypes[typeName]?.size ?? NaN)

/** What pickles of state dicts may name, and the storages that they mention. */
const reading = (fail: Fail): { options: PickleOptions; storages: ReadonlyMap<string, Storage> } => {
  const storages = new Map<string, Storage>()
  const globals = new Map<string, Global>([
    ['collections OrderedDict', new Global('collections.OrderedDict', (args) => dictOf(args, fail))],
    ['torch._utils _rebuild_tensor_v2', new Global('torch._utils._rebuild_tensor_v2', (args) => tensorOf(args, fail))],
  ])
  for (const typeName of Object.keys(storageTypes)) globals.set(`torch ${typeName}`, new Global(typeName, undefined))
  const persistent = (id: unknown) => {
    const storage = storageOf(id, fail)
    const before = storages.get(storage.key)
    if (before && (before.typeName !== storage.typeName || before.count !== storage.count))
      fail(
        `the storage ${quoted(storage.key)} is of ${storage.count} elements as ${storage.typeName}, before of ${before.count} as ${before.typeName}`,
      )
    storages.set(storage.key, storage)
    return storage
  }
  return { options: { globals, persistent, fail }, storages }
}

/** OrderedDict(): torch sets its items one by one afterwards. */
const dictOf = (args: readonly unknown[], fail: Fail): Map<unknown, unknown> =>
  args.length === 0 ? new Map() : fail(`it makes an OrderedDict of ${shownPickled(args[0])}, expected an empty one`)

/** PyTorch's own limit. A pickle may use one long list again and again: only a short one is looked at as often. */
const mostAxes = 64

const storageOf = (id: unknown, fail: Fail): Storage => {
  const [what, type, key, , count, view = null] = id instanceof Tuple ? id.items : []
  if (what !== 'storage' || !(type instanceof Global) || !Object.hasOwn(storageTypes, type.name))
    return fail(`it stores ${shownPickled(type)}, expected a storage of ${Object.keys(storageTypes).join(', ')}`)
  if (typeof key !== 'string' || !isCount(count))
    return fail(`its storage ${shownPickled(key)} is of ${shownPickled(count)} elements`)
  if (view !== null) return fail(`its storage ${quoted(key)} is a view, as PyTorch before 0.4 wrote it`)
  return { key, typeName: type.name, count }
}

/** As torch._utils._rebuild_tensor_v2: storage, offset, shape, strides; whether it needs a gradient does not matter. */
const tensorOf = (args: readonly unknown[], fail: Fail): Tensor => {
  const [storage, offset, shape, strides] = args
  const counts = (value: unknown): readonly number[] =>
    value instanceof Tuple && value.items.length <= mostAxes && value.items.every(isCount)
      ? value.items
      : fail(
          `a shape or a stride in it is ${shownPickled(value)}, expected at most ${mostAxes} whole numbers from 0 up`,
        )
  if (typeof storage !== 'object' || storage === null || !('typeName' in storage))
    return fail(`a tensor in it has the storage ${shownPickled(storage)}`)
  if (!isCount(offset)) return fail(`a tensor in it starts at ${shownPickled(offset)}`)
  return new Tensor(storage as Storage, offset, counts(shape), counts(strides))
}

const stateDictOf = ({ value, bytesOf, littleEndian }: Saved, most: number, fail: Fail): StateDict => {
  const dict =
    value instanceof Map ? (value as Map<unknown, unknown>) : fail(`it holds ${shownPickled(value)}, expected a dict`)
  const inner = dict.get('state_dict') ?? dict.get('model_state_dict')
  const weights: StateDict = new Map()
  let left = most
  for (const [key, tensor] of inner instanceof Map ? (inner as Map<unknown, unknown>) : dict) {
    if (typeof key !== 'string') return fail(`an entry is called ${shownPickled(key)}, expected text`)
    if (!(tensor instanceof Tensor))
      return fail(`the entry ${quoted(key)} is ${shownPickled(tensor)}, expected a tensor`)
    const { shape, strides, offset, storage } = tensor
    if (shape.length !== strides.length)
      return fail(`${quoted(key)} has ${strides.length} strides, expected one for each size of ${shownShape(shape)}`)
    const count = sizeOf(key, shape)
    const last = count === 0 ? -1 : shape.reduce((at, size, axis) => at + (size - 1) * (strides[axis] ?? NaN), offset)
    if (!(last < storage.count))
      return fail(`${quoted(key)} reaches to element ${last} of a storage of ${storage.count}`)
    left -= count
    if (left < 0)
      return fail(`${quoted(key)} of shape ${shownShape(shape)} asks for more values than the file may give`)
    weights.set(key, {
      shape,
      data: viewed(tensor, count, count === 0 ? new Uint8Array(0) : bytesOf(storage), littleEndian),
    })
  }
  return weights
}

/** The values of a view, row-major. */
const viewed = ({ storage, offset, shape, strides }: Tensor, count: number, bytes: Uint8Array, little: boolean) => {
  const { size, bits } = storageTypes[storage.typeName] as ElementType // storageOf saw it
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const data = new Uint32Array(count)
  const index = shape.map(() => 0)
  let element = offset
  for (let i = 0; i < count; i++) {
    data[i] = bits(view, size * element, little)
    // The next place: the last axis runs fastest, an axis at its end goes back to 0.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [at, stride] = [index[axis] as number, strides[axis] as number]
      if (at + 1 < (shape[axis] as number)) {
        index[axis] = at + 1
        element += stride
        break
      }
      index[axis] = 0
      element -= at * stride
    }
  }
  return new Float32Array(data.buffer)
}
