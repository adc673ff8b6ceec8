// Structure-aware fuzzing of JSON: a sound document with a few of its values exchanged for what nobody expects there.
import fc from 'fast-check'
import { notOneLine } from './sentence.ts'

type Path = readonly (string | number)[]

/** Every place of a document, the document itself among them. */
const places = (value: unknown, path: Path = []): Path[] =>
  typeof value === 'object' && value !== null
    ? [path, ...Object.entries(value).flatMap(([key, held]) => places(held, [...path, key]))]
    : [path]

const deep = (depth: number): unknown => {
  let value: unknown = []
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value }
  return value
}

/** What is in the place of a number, a word, a list or an object. */
const strange: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 0.5, 1, 65_537, 2 ** 31, 2 ** 53, 1e308, 5e-324],
  ...['', '0', 'relu', 'constructor', '__proto__', '../x', 'x\u001b[2J\u009b31m\n', 'x'.repeat(100_000), '\ud800'],
  ...[[], [[]], {}, { length: 1 }, { toString: 1 }, { valueOf: null }, { toJSON: 1 }, deep(30_000)],
]

const change = (document: unknown, [head, ...rest]: Path, make: (old: unknown) => unknown): unknown => {
  if (head === undefined) return make(document)
  if (Array.isArray(document))
    return document.map((value, i): unknown => (i === Number(head) ? change(value, rest, make) : value))
  if (typeof document !== 'object' || document === null) return document // an earlier mutation took what was here
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [key, key === head ? change(value, rest, make) : value]),
  )
}

const grown = (old: unknown, key: string, value: unknown): unknown => {
  if (Array.isArray(old)) return [...(old as unknown[]), value]
  if (typeof old !== 'object' || old === null) return value
  // Object.fromEntries makes "__proto__" a property like any other, as JSON.parse does.
  return Object.fromEntries([...Object.entries(old), [key, value]])
}

const emptied = (old: unknown, at: number): unknown => {
  if (Array.isArray(old)) return old.filter((_, i) => i !== at % old.length)
  if (typeof old !== 'object' || old === null) return undefined
  const entries = Object.entries(old)
  return Object.fromEntries(entries.filter((_, i) => i !== at % entries.length))
}

/**
 * A sound JSON document after one to three mutations: a value replaced, a member added or taken out, at any depth.
 *
 * @param document plain JSON; it is not changed
 */
export const mutated = (document: unknown): fc.Arbitrary<unknown> => {
  const value = fc.oneof(fc.constantFrom(...strange), fc.jsonValue({ maxDepth: 2 }))
  const key = fc.constantFrom('type', 'name', 'in', 'epochs', '__proto__', 'constructor', 'toJSON', 'x\u001b[2J')
  const mutation = fc.oneof(
    value.map((value) => () => value),
    fc.tuple(key, value).map(
      ([key, value]) =>
        (old: unknown) =>
          grown(old, key, value),
    ),
    fc.nat().map((at) => (old: unknown) => emptied(old, at)),
  )
  const mutations = fc.array(fc.tuple(fc.constantFrom(...places(document)), mutation), { minLength: 1, maxLength: 3 })
  return mutations.map((list) => list.reduce((changed, [path, make]) => change(changed, path, make), document))
}

/** Whether a sentence may go to a terminal as it is: one line of a bearable length, without control characters. */
export const presentable = (sentence: string): boolean =>
  sentence.length > 0 && sentence.length < 600 && notOneLine(sentence) === undefined
