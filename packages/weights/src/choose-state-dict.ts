import type { Fail } from './failing'
import { shownPickled } from './pickle-values'
import { quoted } from './shown'
import { bareTypes, storageTypes, Tensor } from './torch-names'
import { WeightsError } from './weights-error'

type Dict = ReadonlyMap<unknown, unknown>

const isStateDict = (value: unknown): value is ReadonlyMap<string, Tensor> =>
  value instanceof Map &&
  value.size > 0 &&
  [...(value as Dict)].every(([key, held]) => typeof key === 'string' && held instanceof Tensor)

const holdsFloats = (entries: ReadonlyMap<string, Tensor>): boolean =>
  [...entries.values()].some(({ typeName }) => (bareTypes[typeName] ?? storageTypes[typeName])?.type?.kind === 'float')

/**
 * The state dict among what a file holds: the whole, the one that a dict holds beside other things, or the one that was
 * asked for.
 *
 * @param key its name, or names with dots between from the outside in
 * @returns its entries, and what was chosen where there was something to choose
 * @throws WeightsError with `choices` where there are several
 */
export const chooseStateDict = (
  value: unknown,
  key: string | undefined,
  name: string,
  unsupported: Fail,
): { entries: ReadonlyMap<string, Tensor>; note?: string } => {
  const found = key === undefined ? value : under(value, key, unsupported)
  if (isStateDict(found)) return { entries: found }
  if (found instanceof Map && found.size === 0) return { entries: new Map() }
  if (!(found instanceof Map)) return unsupported(`it holds ${shownPickled(found)}, expected a dict; ${advice}`)
  const held = [...(found as Dict)]
  const candidates = held.filter(
    (entry): entry is [string, ReadonlyMap<string, Tensor>] => isStateDict(entry[1]) && holdsFloats(entry[1]),
  )
  const inside = candidates.map(([within]) => (key === undefined ? within : `${key}.${within}`))
  const [candidate, ...more] = candidates
  if (candidate && more.length === 0) {
    const others = held.map(([other]) => other).filter((other) => other !== candidate[0])
    const shown = others.slice(0, 8).map(shownPickled).join(', ')
    return {
      entries: candidate[1],
      note: `the weights are its ${quoted(inside[0] as string)}${others.length > 0 ? `, beside ${shown}` : ''}`,
    }
  }
  if (candidate)
    throw new WeightsError(
      `${name} holds several state dicts, ${inside.map(quoted).join(', ')}: say which is meant by its name`,
      { choices: inside },
    )
  const [first = ['', null]] = held.filter(
    ([entry, tensor]) => typeof entry !== 'string' || !(tensor instanceof Tensor),
  )
  if (typeof first[0] !== 'string')
    return unsupported(`it holds no state dict: an entry is called ${shownPickled(first[0])}, expected text; ${advice}`)
  return unsupported(
    `it holds no state dict: the entry ${quoted(first[0])} is ${shownPickled(first[1])}, expected a tensor; ${advice}`,
  )
}

const advice = 'save the weights with torch.save(model.state_dict(), path)'

const under = (value: unknown, key: string, unsupported: Fail): unknown => {
  if (value instanceof Map && value.has(key)) return value.get(key) as unknown
  let at = value
  for (const part of key.split('.')) {
    if (!(at instanceof Map) || !at.has(part)) {
      const keys = at instanceof Map ? [...at.keys()].slice(0, 16).map(shownPickled).join(', ') || 'nothing' : undefined
      return unsupported(`it holds no ${quoted(key)}${keys === undefined ? '' : `, it holds ${keys}`}`)
    }
    at = at.get(part) as unknown
  }
  return at
}
