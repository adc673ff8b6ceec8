// The names that a pickle of weights may use: those that torch.load(path, weights_only=True) takes, each as data.
//
// Source: PyTorch's torch/_weights_only_unpickler.py, torch/_utils.py and torch/serialization.py.
import { elementTypes, type ElementType } from './element-types'
import type { Fail } from './failing'
import { Global, Opaque, shownPickled, Tuple } from './pickle-values'
import { isCount, mostAxes } from './shape'
import { quoted } from './shown'

/** Memory that tensors are views of. */
export interface Storage {
  readonly key: string
  readonly typeName: string
  /** Elements. */
  readonly count: number
}

/** A view of a storage, in elements of its type. */
export class Tensor {
  /** @param typeName 'FloatStorage', or a dtype that has no storage of its own: 'uint16' */
  constructor(
    readonly storage: Storage,
    readonly typeName: string,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

interface Stored {
  readonly size: number
  /** Undefined where it is known how long it is, and not what it means here. */
  readonly type?: ElementType
}

const stored = (type: ElementType): Stored => ({ size: type.size, type })

/** Types of elements by the name of their storage. */
export const storageTypes: Readonly<Record<string, Stored>> = {
  FloatStorage: stored(elementTypes.float32),
  DoubleStorage: stored(elementTypes.float64),
  HalfStorage: stored(elementTypes.float16),
  BFloat16Storage: stored(elementTypes.bfloat16),
  LongStorage: stored(elementTypes.int64),
  IntStorage: stored(elementTypes.int32),
  ShortStorage: stored(elementTypes.int16),
  CharStorage: stored(elementTypes.int8),
  ByteStorage: stored(elementTypes.uint8),
  BoolStorage: stored(elementTypes.bool),
  UntypedStorage: stored(elementTypes.uint8),
  ComplexFloatStorage: { size: 8 },
  ComplexDoubleStorage: { size: 16 },
  QInt8Storage: { size: 1 },
  QUInt8Storage: { size: 1 },
  QInt32Storage: { size: 4 },
  QUInt4x2Storage: { size: 1 },
  QUInt2x4Storage: { size: 1 },
}

/** Types without a storage of their own: their tensors name a dtype and lie in bytes. */
export const bareTypes: Readonly<Record<string, Stored>> = {
  uint16: stored(elementTypes.uint16),
  uint32: stored(elementTypes.uint32),
  uint64: stored(elementTypes.uint64),
  float8_e4m3fn: stored(elementTypes.float8e4m3),
  float8_e5m2: stored(elementTypes.float8e5m2),
  float8_e4m3fnuz: stored(elementTypes.float8e4m3fnuz),
  float8_e5m2fnuz: stored(elementTypes.float8e5m2fnuz),
  float8_e8m0fnu: { size: 1 },
}

const words = (text: string): string[] => text.split(/\s+/)

/** May be named, and mean nothing here: element types, classes. */
const named = words(
  `
  float64 float32 float16 bfloat16 complex32 complex64 complex128 int8 uint8 int16 int32 int64 bool
  qint8 quint8 qint32 quint4x2 quint2x4 per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric
  per_channel_affine_float_qparams Tensor ${Object.keys(bareTypes).join(' ')}
`.trim(),
)

/** Tensors of kinds that are no plain array: a file may hold them beside its weights. */
const otherTensors = words(
  `
  _rebuild_sparse_tensor _rebuild_qtensor _rebuild_meta_tensor_no_storage _rebuild_nested_tensor
  _rebuild_wrapper_subclass _rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor
`.trim(),
)

/** @returns by module and name with a space between */
export const torchNames = (fail: Fail): ReadonlyMap<string, Global> => {
  const names = new Map<string, Global>()
  const allow = (module: string, name: string, call?: (args: readonly unknown[]) => unknown) =>
    names.set(`${module} ${name}`, new Global(module === 'torch' ? name : `${module}.${name}`, call))
  const opaque = (kind: string) => () => new Opaque(kind)
  const tensor = (args: readonly unknown[]) => tensorOf(args, fail)
  const dict = (args: readonly unknown[]) => dictOf(args, fail)
  allow('collections', 'OrderedDict', dict)
  allow('collections', 'Counter', dict)
  allow('torch._utils', '_rebuild_tensor', tensor)
  allow('torch._utils', '_rebuild_tensor_v2', tensor)
  allow('torch._utils', '_rebuild_tensor_v3', (args) => tensorOf(args, fail, args[6]))
  // A parameter is its tensor; what else there is says how it is trained.
  allow('torch._utils', '_rebuild_parameter', ([data]) => data)
  allow('torch._utils', '_rebuild_parameter_with_state', ([data]) => data)
  allow('torch._tensor', '_rebuild_from_type_v2', ([make, , args]) =>
    make instanceof Global && make.call && args instanceof Tuple
      ? make.call(args.items)
      : fail(`a tensor in it is made by ${shownPickled(make)}`),
  )
  for (const name of otherTensors) allow('torch._utils', name, opaque('a tensor that is not a plain array'))
  for (const name of Object.keys(storageTypes)) allow('torch', name)
  allow('torch.storage', 'UntypedStorage')
  names.set('torch.storage UntypedStorage', new Global('UntypedStorage', undefined))
  allow('torch.storage', 'TypedStorage')
  for (const name of named) allow('torch', name)
  allow('torch', 'device', opaque('a device'))
  allow('torch', 'Size', ([sizes]) => sizes ?? new Tuple([]))
  allow('torch.serialization', '_get_layout', opaque('a layout'))
  allow('torch.nn.parameter', 'Parameter')
  allow('_codecs', 'encode', opaque('bytes'))
  for (const module of ['builtins', '__builtin__']) {
    allow(module, 'set', opaque('a set'))
    allow(module, 'bytearray', opaque('bytes'))
    allow(module, 'complex', opaque('a complex number'))
  }
  return names
}

/** OrderedDict(): torch sets its items one by one afterwards. Counter({...}): the dict itself. */
const dictOf = (args: readonly unknown[], fail: Fail): Map<unknown, unknown> => {
  const [items = new Map<unknown, unknown>()] = args
  return args.length <= 1 && items instanceof Map
    ? items
    : fail(`it makes a dict of ${shownPickled(args[0])}, expected a dict or nothing`)
}

/** What a persistent id stands for, and where in its storage a view of PyTorch before 0.4 begins. */
export const storageOf = (id: unknown, fail: Fail): Storage & { readonly from: number } => {
  const [what, type, key, , count, view = null] = id instanceof Tuple ? id.items : []
  if (what !== 'storage' || !(type instanceof Global) || !Object.hasOwn(storageTypes, type.name))
    return fail(`it stores ${shownPickled(type)}, expected a storage of ${Object.keys(storageTypes).join(', ')}`)
  if (typeof key !== 'string' || !isCount(count))
    return fail(`its storage ${shownPickled(key)} is of ${shownPickled(count)} elements`)
  const from: unknown = view === null ? 0 : view instanceof Tuple ? view.items[1] : view
  if (!isCount(from) || from > count)
    return fail(`a view of its storage ${quoted(key)} begins at ${shownPickled(from)}`)
  return { key, typeName: type.name, count, from }
}

/** As torch._utils._rebuild_tensor_v2: storage, offset, shape, strides; whether it needs a gradient does not matter. */
const tensorOf = (args: readonly unknown[], fail: Fail, dtype?: unknown): Tensor => {
  const [storage, offset, shape, strides] = args
  // A pickle may use one long list again and again: only a short one is looked at as often.
  const counts = (value: unknown): readonly number[] =>
    value instanceof Tuple && value.items.length <= mostAxes && value.items.every(isCount)
      ? value.items
      : fail(
          `a shape or a stride in it is ${shownPickled(value)}, expected at most ${mostAxes} whole numbers from 0 up`,
        )
  if (typeof storage !== 'object' || storage === null || !('typeName' in storage) || !('from' in storage))
    return fail(`a tensor in it has the storage ${shownPickled(storage)}`)
  if (!isCount(offset)) return fail(`a tensor in it starts at ${shownPickled(offset)}`)
  const held = storage as Storage & { from: number }
  const bare = dtype instanceof Global && Object.hasOwn(bareTypes, dtype.name) ? dtype.name : undefined
  return new Tensor(held, bare ?? held.typeName, offset + held.from, counts(shape), counts(strides))
}
