// PyTorch's own files: what torch.save(model.state_dict(), path) writes, in its zip format and in the one before it.
//
// Source: PyTorch's torch/serialization.py and torch/_utils.py (`_rebuild_tensor_v2`).
import type { StateDict } from '@digitlab/models'
import { chooseStateDict } from './choose-state-dict'
import type { IntegerEntry, WeightsContents } from './contents'
import { readElements } from './element-types'
import { Budget, failing, type Failing } from './failing'
import { readPickle, type PickleOptions } from './pickle'
import { shownPickled } from './pickle-values'
import { mostEntries, sizeOf } from './shape'
import { quoted, shownShape } from './shown'
import { bareTypes, storageOf, storageTypes, torchNames, type Storage, type Tensor } from './torch-names'
import { readZip } from './zip'

/** Opens a file in the format before zip. */
const magic = 0x1950a86a20f9469cfc6cn
const legacyProtocol = 1001

/** What is read of a PyTorch file. */
export interface PthOptions {
  /** Which state dict, where the file holds several: its name, or names with dots between from the outside in. */
  readonly key?: string
}

/**
 * Reads a state dict that PyTorch saved: strides, offsets and shared storages are followed, both byte orders are taken;
 * float64, float16, bfloat16 and float8 become float32, integers and booleans are read beside them. Of a dict that holds a
 * state dict beside other things (a checkpoint of a training), the state dict is read. The pickle in it is data here: any
 * name but those that `torch.load(path, weights_only=True)` takes is refused, and nothing is ever run.
 *
 * @param name the file's name in error messages
 * @throws WeightsError if the file is cut off, damaged or hostile, naming entry, expected and found; with `choices` where
 * it holds several state dicts and no key was given
 */
export const readPth = (bytes: Uint8Array, name = 'the file', { key }: PthOptions = {}): WeightsContents => {
  const failures = failing(name, 'PyTorch')
  const { fail, unsupported } = failures
  const budget = new Budget(bytes.length, fail)
  const [first, second] = bytes
  const saved =
    first === 0x50 && second === 0x4b
      ? fromZip(bytes, budget, failures)
      : first === 0x80
        ? fromLegacy(bytes, budget, failures)
        : fail('it is neither a zip archive nor a pickle')
  const { entries, note } = chooseStateDict(saved.value, key, name, unsupported)
  return { ...valuesOf(entries, saved, budget, failures), metadata: new Map(), notes: note === undefined ? [] : [note] }
}

/** What a file holds, and where its storages lie. */
interface Saved {
  readonly value: unknown
  readonly bytesOf: (storage: Storage) => Uint8Array
  readonly littleEndian: boolean
}

const fromZip = (bytes: Uint8Array, budget: Budget, failures: Failing): Saved => {
  const { fail, unsupported } = failures
  const archive = readZip(bytes, budget, failures)
  if (archive.names.some((record) => /^[^/]+\/(constants\.pkl|code\/)/.test(record)))
    return unsupported(
      'it is a TorchScript program, not weights; save these with torch.save(torch.jit.load(path).state_dict(), path)',
    )
  const [pickle, ...more] = archive.names.filter((record) => /^[^/]+\/data\.pkl$/.test(record))
  if (pickle === undefined || more.length > 0)
    return fail(
      `expected one data.pkl in the folder of the archive, found ${more.length > 0 ? more.length + 1 : 'none'}`,
    )
  const root = pickle.slice(0, -'data.pkl'.length)
  const { options, storages } = reading(budget, failures)
  const { value } = readPickle(archive.read(pickle) as Uint8Array, 0, options)
  const order = archive.read(`${root}byteorder`)
  const byteOrder = order ? new TextDecoder().decode(order.subarray(0, 16)) : 'little'
  if (byteOrder !== 'little' && byteOrder !== 'big')
    return fail(`its byte order is ${quoted(byteOrder)}, expected "little" or "big"`)
  return {
    value,
    littleEndian: byteOrder === 'little',
    bytesOf: (storage) => {
      const record = `${root}data/${storage.key}`
      const content = archive.read(record) ?? fail(`it has no record ${quoted(record)}`)
      const length = bytesIn(storages.get(storage.key) as Storage)
      if (content.length !== length)
        return fail(`the record ${quoted(record)} holds ${content.length} bytes, expected ${length}`)
      return content
    },
  }
}

const fromLegacy = (bytes: Uint8Array, budget: Budget, failures: Failing): Saved => {
  const { fail, unsupported } = failures
  const { options, storages } = reading(budget, failures)
  let at = 0
  const next = (): unknown => {
    const { value, end } = readPickle(bytes, at, options)
    at = end
    return value
  }
  const opening = next()
  if (opening !== magic)
    unsupported(
      `it begins with ${shownPickled(opening)}, expected PyTorch's magic number: it is another program's pickle, or not one of torch.save`,
    )
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
const reading = (
  budget: Budget,
  failures: Failing,
): { options: PickleOptions; storages: ReadonlyMap<string, Storage> } => {
  const { fail } = failures
  const storages = new Map<string, Storage>()
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
  return { options: { ...failures, globals: torchNames(fail), persistent, budget }, storages }
}

const valuesOf = (
  entries: ReadonlyMap<string, Tensor>,
  { bytesOf, littleEndian }: Saved,
  budget: Budget,
  { fail, unsupported }: Failing,
): Pick<WeightsContents, 'weights' | 'integers'> => {
  if (entries.size > mostEntries) unsupported(`it has ${entries.size} entries, at most ${mostEntries} are read`)
  const weights: StateDict = new Map()
  const integers = new Map<string, IntegerEntry>()
  for (const [key, { shape, strides, offset, storage, typeName }] of entries) {
    const stored = bareTypes[typeName] ?? storageTypes[typeName]
    if (!stored?.type)
      return unsupported(`${quoted(key)} is of ${typeName}, which is not read; convert it with .float() first`)
    const { type } = stored
    if (shape.length !== strides.length)
      return fail(`${quoted(key)} has ${strides.length} strides, expected one for each size of ${shownShape(shape)}`)
    const count = sizeOf(key, shape)
    const held = Math.floor(bytesIn(storage) / type.size)
    const last = count === 0 ? -1 : shape.reduce((at, size, axis) => at + (size - 1) * (strides[axis] ?? NaN), offset)
    if (!(last < held)) return fail(`${quoted(key)} reaches to element ${last} of a storage of ${held}`)
    budget.spend(
      512 + count * (type.kind === 'float' ? 4 : type.size),
      () => `${quoted(key)} of shape ${shownShape(shape)}`,
    )
    const bytes = count === 0 ? new Uint8Array(0) : bytesOf(storage)
    const data = readElements(type, bytes, count === 0 ? 0 : offset, shape, { littleEndian, strides })
    if (data instanceof Float32Array) weights.set(key, { shape, data })
    else integers.set(key, { shape, data })
  }
  return { weights, integers }
}
