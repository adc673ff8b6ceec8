// Python's pickle format as far as torch.save writes it. A pickle is a program: this reads it as data. It calls nothing but
// the few names that its caller allows, and knows no instruction that could reach others.
//
// Source: the opcodes' descriptions in CPython's pickletools.py, protocols 2 to 5.
import { quoted } from './shown'

/** Says what is wrong with a file, as its format's one error. */
export type Fail = (sentence: string, cause?: unknown) => never

/** A Python tuple. Lists are arrays, dicts are Maps, None is null. */
export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** A name that a pickle may use: what calling it makes, or undefined where it may only be named. */
export class Global {
  constructor(
    readonly name: string,
    readonly call: ((args: readonly unknown[]) => unknown) | undefined,
  ) {}
}

export interface PickleOptions {
  /** By module and name with a space between: 'collections OrderedDict'. All others are refused. */
  readonly globals: ReadonlyMap<string, Global>
  /** What a persistent id stands for. */
  readonly persistent: (id: unknown) => unknown
  readonly fail: Fail
}

/** What a value read from a pickle is, in words. */
export const shownPickled = (value: unknown): string => {
  if (value instanceof Map) return 'a dict'
  if (value instanceof Tuple) return 'a tuple'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Global) return `the name ${quoted(value.name)}`
  if (typeof value === 'string') return quoted(value)
  if (value === null) return 'None'
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return 'an object'
}

/** An int wider than this is no size, offset or count. PyTorch's magic number has 10 bytes. */
const widestInteger = 16

/**
 * Reads one pickle. Runs in time and memory proportional to its length, however deep it nests.
 *
 * @param from where it starts
 * @returns its value, and where it ends
 */
export const readPickle = (
  bytes: Uint8Array,
  from: number,
  options: PickleOptions,
): { value: unknown; end: number } => {
  const { globals, persistent, fail } = options
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const stack: unknown[] = []
  const marks: number[] = []
  const memo = new Map<number, unknown>()
  let at = from

  const take = (count: number): number => {
    if (count > bytes.length - at) fail(`its pickle is cut off at byte ${bytes.length}`)
    at += count
    return at - count
  }
  const text = (length: number): string => {
    const start = take(length)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, start + length))
    } catch (cause) {
      return fail(`its pickle holds text at byte ${start} that is no UTF-8`, cause)
    }
  }
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at)
    if (end < 0) fail(`its pickle is cut off at byte ${bytes.length}`)
    const found = text(end - at)
    at++
    return found
  }
  const lowest = () => marks.at(-1) ?? 0
  const pop = (): unknown => {
    if (stack.length <= lowest()) fail(`its pickle takes more than it put, at byte ${at - 1}`)
    return stack.pop()
  }
  const top = (): unknown => {
    if (stack.length <= lowest()) fail(`its pickle takes more than it put, at byte ${at - 1}`)
    return stack.at(-1)
  }
  const popMark = (): unknown[] => {
    const mark = marks.pop()
    if (mark === undefined) return fail(`its pickle closes what it never opened, at byte ${at - 1}`)
    return stack.splice(mark)
  }
  const popTuple = (count: number) => {
    const items = Array.from({ length: count }, pop).reverse()
    stack.push(new Tuple(items))
  }
  const setItems = (pairs: readonly unknown[]) => {
    const dict = top()
    if (!(dict instanceof Map) || pairs.length % 2 !== 0)
      return fail(`its pickle sets an item of ${shownPickled(dict)}, expected a dict`)
    for (let i = 0; i < pairs.length; i += 2) dict.set(pairs[i], pairs[i + 1])
  }
  const append = (items: readonly unknown[]) => {
    const list = top()
    if (!Array.isArray(list)) return fail(`its pickle appends to ${shownPickled(list)}, expected a list`)
    for (const item of items) list.push(item)
  }
  const global = (module: unknown, name: unknown) => {
    const key = typeof module === 'string' && typeof name === 'string' ? `${module} ${name}` : undefined
    const known = key === undefined ? undefined : globals.get(key)
    if (known) return stack.push(known)
    const shown = key === undefined ? 'something that is no name' : quoted(key.replace(' ', '.'))
    return fail(
      `it asks for ${shown}, which is not among the names that a file of weights needs, and was not run; save only the state dict with torch.save(model.state_dict(), path)`,
    )
  }
  const reduce = () => {
    const [args, callable] = [pop(), pop()]
    if (!(callable instanceof Global) || !callable.call || !(args instanceof Tuple))
      return fail(`its pickle calls ${shownPickled(callable)} with ${shownPickled(args)}`)
    return stack.push(callable.call(args.items))
  }
  /** torch gives a state dict its `_metadata` as an attribute; nothing of it is needed. */
  const build = () => {
    pop()
    if (!(top() instanceof Map)) fail(`its pickle sets attributes of ${shownPickled(top())}, expected a dict`)
  }
  const recall = (index: number) => {
    if (!memo.has(index)) fail(`its pickle recalls number ${index}, which it never kept`)
    stack.push(memo.get(index))
  }
  const long = (length: number) => {
    if (length > widestInteger)
      fail(`its pickle holds an integer of ${length} bytes, expected at most ${widestInteger}`)
    const start = take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[start + i] ?? 0)
    const signed = BigInt.asIntN(8 * length, value)
    stack.push(Number.isSafeInteger(Number(signed)) ? Number(signed) : signed)
  }

  const instructions: Readonly<Record<number, () => unknown>> = {
    0x80: () => take(1), // PROTO
    0x95: () => take(8), // FRAME
    0x28: () => marks.push(stack.length), // MARK
    0x30: () => pop(), // POP
    0x31: () => popMark(), // POP_MARK
    0x4e: () => stack.push(null), // NONE
    0x88: () => stack.push(true), // NEWTRUE
    0x89: () => stack.push(false), // NEWFALSE
    0x4a: () => stack.push(view.getInt32(take(4), true)), // BININT
    0x4b: () => stack.push(view.getUint8(take(1))), // BININT1
    0x4d: () => stack.push(view.getUint16(take(2), true)), // BININT2
    0x8a: () => long(view.getUint8(take(1))), // LONG1
    0x8b: () => long(view.getUint32(take(4), true)), // LONG4
    0x47: () => stack.push(view.getFloat64(take(8), false)), // BINFLOAT
    0x58: () => stack.push(text(view.getUint32(take(4), true))), // BINUNICODE
    0x8c: () => stack.push(text(view.getUint8(take(1)))), // SHORT_BINUNICODE
    0x29: () => stack.push(new Tuple([])), // EMPTY_TUPLE
    0x74: () => stack.push(new Tuple(popMark())), // TUPLE
    0x85: () => popTuple(1), // TUPLE1
    0x86: () => popTuple(2), // TUPLE2
    0x87: () => popTuple(3), // TUPLE3
    0x5d: () => stack.push([]), // EMPTY_LIST
    0x61: () => append([pop()]), // APPEND
    0x65: () => append(popMark()), // APPENDS
    0x7d: () => stack.push(new Map()), // EMPTY_DICT
    0x73: () => setItems([pop(), pop()].reverse()), // SETITEM
    0x75: () => setItems(popMark()), // SETITEMS
    0x63: () => global(line(), line()), // GLOBAL
    0x93: () => {
      const [name, module] = [pop(), pop()]
      return global(module, name)
    }, // STACK_GLOBAL
    0x52: () => reduce(), // REDUCE
    0x62: () => build(), // BUILD
    0x51: () => stack.push(persistent(pop())), // BINPERSID
    0x68: () => recall(view.getUint8(take(1))), // BINGET
    0x6a: () => recall(view.getUint32(take(4), true)), // LONG_BINGET
    0x71: () => memo.set(view.getUint8(take(1)), top()), // BINPUT
    0x72: () => memo.set(view.getUint32(take(4), true), top()), // LONG_BINPUT
    0x94: () => memo.set(memo.size, top()), // MEMOIZE
  }
  for (;;) {
    const code = view.getUint8(take(1))
    if (code === 0x2e) return { value: pop(), end: at } // STOP
    const instruction = instructions[code]
    if (!instruction)
      return fail(
        `its pickle has the instruction 0x${code.toString(16).padStart(2, '0')} at byte ${at - 1}, which no file of weights needs`,
      )
    instruction()
  }
}
