// Python's pickle format as far as torch.save writes it. A pickle is a program: this reads it as data. It calls nothing but
// the few names that its caller allows, and knows no instruction that could reach others.
//
// Source: the opcodes' descriptions in CPython's pickletools.py, protocols 2 to 5.
import type { Budget, Failing } from './failing'
import { Global, Opaque, shownPickled, Tuple } from './pickle-values'
import { quoted } from './shown'

export interface PickleOptions extends Failing {
  /** By module and name with a space between: 'collections OrderedDict'. All others are refused. */
  readonly globals: ReadonlyMap<string, Global>
  /** What a persistent id stands for. */
  readonly persistent: (id: unknown) => unknown
  readonly budget: Budget
}

/** What values take, in bytes of V8: one place on the stack as it grows, and objects by their kind. */
const cost = { place: 24, object: 128, tuple: 96, list: 160, dict: 256, item: 64, memo: 112 } as const

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** An int wider than this is no size, offset or count. PyTorch's magic number has 10 bytes. */
const widestInteger = 16

/**
 * Reads one pickle. Runs in time proportional to its length and in memory that the budget bounds, however deep it nests.
 *
 * @param from where it starts
 * @returns its value, and where it ends
 */
export const readPickle = (
  bytes: Uint8Array,
  from: number,
  options: PickleOptions,
): { value: unknown; end: number } => {
  const { globals, persistent, fail, unsupported, budget } = options
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
    budget.spend(cost.object + 2 * length)
    try {
      return utf8.decode(bytes.subarray(start, start + length))
    } catch (cause) {
      return fail(`its pickle holds text at byte ${start} that is not UTF-8`, cause)
    }
  }
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at)
    if (end < 0) fail(`its pickle is cut off at byte ${bytes.length}`)
    const found = text(end - at)
    at++
    return found
  }
  const push = (value: unknown, bytes = 0) => {
    budget.spend(cost.place + bytes)
    stack.push(value)
  }
  const remember = (index: number) => {
    budget.spend(cost.memo)
    memo.set(index, top())
  }
  const mark = () => {
    budget.spend(cost.place)
    marks.push(stack.length)
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
    push(new Tuple(items), cost.tuple)
  }
  const setItems = (pairs: readonly unknown[]) => {
    const dict = top()
    if (!(dict instanceof Map) || pairs.length % 2 !== 0)
      return fail(`its pickle sets an item of ${shownPickled(dict)}, expected a dict`)
    budget.spend(cost.item * pairs.length)
    for (let i = 0; i < pairs.length; i += 2) dict.set(pairs[i], pairs[i + 1])
  }
  const append = (items: readonly unknown[]) => {
    const list = top()
    if (!Array.isArray(list)) return fail(`its pickle appends to ${shownPickled(list)}, expected a list`)
    budget.spend(cost.place * items.length)
    for (const item of items) list.push(item)
  }
  const global = (module: unknown, name: unknown) => {
    const key = typeof module === 'string' && typeof name === 'string' ? `${module} ${name}` : undefined
    const known = key === undefined ? undefined : globals.get(key)
    if (known) return push(known)
    const shown = key === undefined ? 'something that is not a name' : quoted(key.replace(' ', '.'))
    return unsupported(
      `it asks for ${shown}, which is not among the names that a file of weights needs, and was not run; save only the state dict with torch.save(model.state_dict(), path)`,
    )
  }
  const reduce = () => {
    const [args, callable] = [pop(), pop()]
    if (!(callable instanceof Global) || !callable.call || !(args instanceof Tuple))
      return fail(`its pickle calls ${shownPickled(callable)} with ${shownPickled(args)}`)
    return push(callable.call(args.items), cost.object)
  }
  /** torch gives a state dict its `_metadata` as an attribute; nothing of it is needed. */
  const build = () => {
    pop()
    if (!(top() instanceof Map)) fail(`its pickle sets attributes of ${shownPickled(top())}, expected a dict`)
  }
  const recall = (index: number) => {
    if (!memo.has(index)) fail(`its pickle recalls number ${index}, which it never kept`)
    push(memo.get(index))
  }
  const long = (length: number) => {
    if (length > widestInteger)
      fail(`its pickle holds an integer of ${length} bytes, expected at most ${widestInteger}`)
    const start = take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[start + i] ?? 0)
    const signed = BigInt.asIntN(8 * length, value)
    push(Number.isSafeInteger(Number(signed)) ? Number(signed) : signed, cost.tuple)
  }
  const skip = (length: number) => {
    take(length)
    push(new Opaque('bytes'), cost.object)
  }
  const addItems = () => {
    popMark()
    if (!(top() instanceof Opaque)) fail(`its pickle adds items to ${shownPickled(top())}, expected a set`)
  }

  const instructions: Readonly<Record<number, () => unknown>> = {
    0x80: () => take(1), // PROTO
    0x95: () => take(8), // FRAME
    0x28: mark, // MARK
    0x30: () => pop(), // POP
    0x31: () => popMark(), // POP_MARK
    0x4e: () => push(null), // NONE
    0x88: () => push(true), // NEWTRUE
    0x89: () => push(false), // NEWFALSE
    0x4a: () => push(view.getInt32(take(4), true)), // BININT
    0x4b: () => push(view.getUint8(take(1))), // BININT1
    0x4d: () => push(view.getUint16(take(2), true)), // BININT2
    0x8a: () => long(view.getUint8(take(1))), // LONG1
    0x8b: () => long(view.getUint32(take(4), true)), // LONG4
    0x47: () => push(view.getFloat64(take(8), false), cost.place), // BINFLOAT
    0x58: () => push(text(view.getUint32(take(4), true))), // BINUNICODE
    0x8c: () => push(text(view.getUint8(take(1)))), // SHORT_BINUNICODE
    0x55: () => push(text(view.getUint8(take(1)))), // SHORT_BINSTRING, as Python 2 writes text
    0x54: () => push(text(view.getUint32(take(4), true))), // BINSTRING
    0x43: () => skip(view.getUint8(take(1))), // SHORT_BINBYTES
    0x42: () => skip(view.getUint32(take(4), true)), // BINBYTES
    0x29: () => push(new Tuple([]), cost.tuple), // EMPTY_TUPLE
    0x74: () => push(new Tuple(popMark()), cost.tuple), // TUPLE
    0x85: () => popTuple(1), // TUPLE1
    0x86: () => popTuple(2), // TUPLE2
    0x87: () => popTuple(3), // TUPLE3
    0x5d: () => push([], cost.list), // EMPTY_LIST
    0x61: () => append([pop()]), // APPEND
    0x65: () => append(popMark()), // APPENDS
    0x7d: () => push(new Map(), cost.dict), // EMPTY_DICT
    0x73: () => setItems([pop(), pop()].reverse()), // SETITEM
    0x75: () => setItems(popMark()), // SETITEMS
    0x8f: () => push(new Opaque('a set'), cost.object), // EMPTY_SET
    0x90: addItems, // ADDITEMS
    0x91: () => {
      popMark()
      push(new Opaque('a frozenset'), cost.object)
    }, // FROZENSET
    0x63: () => global(line(), line()), // GLOBAL
    0x93: () => {
      const [name, module] = [pop(), pop()]
      return global(module, name)
    }, // STACK_GLOBAL
    0x52: () => reduce(), // REDUCE
    0x62: () => build(), // BUILD
    0x51: () => push(persistent(pop()), cost.object), // BINPERSID
    0x68: () => recall(view.getUint8(take(1))), // BINGET
    0x6a: () => recall(view.getUint32(take(4), true)), // LONG_BINGET
    0x71: () => remember(view.getUint8(take(1))), // BINPUT
    0x72: () => remember(view.getUint32(take(4), true)), // LONG_BINPUT
    0x94: () => remember(memo.size), // MEMOIZE
  }
  for (;;) {
    const code = view.getUint8(take(1))
    if (code === 0x2e) {
      // STOP
      const value = pop()
      if (stack.length > 0 || marks.length > 0)
        fail(`its pickle leaves ${stack.length} values behind that nothing uses, expected none`)
      return { value, end: at }
    }
    const instruction = instructions[code]
    if (!instruction)
      return unsupported(
        `its pickle has the instruction 0x${code.toString(16).padStart(2, '0')} at byte ${at - 1}, which no file of weights needs; save only the state dict with torch.save(model.state_dict(), path)`,
      )
    instruction()
  }
}
