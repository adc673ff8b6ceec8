import type { StateDict } from '@digitlab/models'
import { entryBytes } from './element-types'
import { checkSizes } from './shape'
import { writeZip } from './zip'

/** Opcodes of Python's pickle format, protocol 2. */
const op = {
  proto: [0x80, 2],
  stop: [0x2e],
  mark: [0x28],
  tuple: [0x74],
  emptyTuple: [0x29],
  reduce: [0x52],
  setItems: [0x75],
  persistentId: [0x51],
  newFalse: [0x89],
} as const

const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0))
const global = (module: string, name: string): number[] => [0x63, ...ascii(`${module}\n${name}\n`)]
const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff)
/** BININT is signed and of 32 bits: what is larger goes as LONG1. */
const integer = (value: number): number[] => {
  if (value < 2 ** 31) return [0x4a, ...word(value)]
  return [0x8a, 8, ...word(value % 2 ** 32), ...word(Math.floor(value / 2 ** 32))]
}
const text = (value: string): number[] => {
  const bytes = new TextEncoder().encode(value)
  return [0x58, ...word(bytes.length), ...bytes]
}
const tuple = (...items: readonly number[][]): number[] => [...op.mark, ...items.flat(), ...op.tuple]
const emptyOrderedDict = [...global('collections', 'OrderedDict'), ...op.emptyTuple, ...op.reduce]

/**
 * Writes a state dict as the zip file that `torch.save(model.state_dict(), path)` writes: `torch.load(path,
 * weights_only=True)` takes it. The same input gives the same bytes.
 *
 * @throws WeightsError if an entry's values are not as many as its shape has places
 */
export const writePth = (weights: StateDict): Uint8Array => {
  checkSizes(weights)
  const storages: [string, Uint8Array][] = []
  const entries = [...weights].map(([name, entry], key) => {
    const { shape, data, dtype } = entry
    storages.push([`archive/data/${key}`, entryBytes(entry)])
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, size) => product * Math.max(1, size), 1),
    )
    const storage = tuple(
      text('storage'),
      global('torch', dtype === 'int64' ? 'LongStorage' : 'FloatStorage'),
      text(String(key)),
      text('cpu'),
      integer(data.length),
    )
    const tensor = tuple(
      [...storage, ...op.persistentId],
      integer(0),
      tuple(...shape.map(integer)),
      tuple(...strides.map(integer)),
      [...op.newFalse],
      emptyOrderedDict,
    )
    return [...text(name), ...global('torch._utils', '_rebuild_tensor_v2'), ...tensor, ...op.reduce]
  })
  const pickle = [...op.proto, ...emptyOrderedDict, ...op.mark, ...entries.flat(), ...op.setItems, ...op.stop]
  return writeZip(
    new Map([
      ['archive/data.pkl', Uint8Array.from(pickle)],
      ['archive/byteorder', new TextEncoder().encode('little')],
      ...storages,
      ['archive/version', new TextEncoder().encode('3\n')],
    ]),
  )
}
