import { expect, test } from 'vitest'
import { createNotebook } from './cells'
import { textOf } from './text-of'

const notebook = () => {
  const said: unknown[] = []
  const { run } = createNotebook({ sums: async () => ({ add: (a: number, b: number) => a + b, default: 7 }) })
  const output = { log: (...values: readonly unknown[]) => void said.push(...values), display: () => {}, width: 640 }
  return { said, run: (code: string) => run(code, output) }
}

test('a cell knows what those before it declared and imported, whatever the form', async () => {
  const { said, run } = notebook()
  await run("import seven, { add as plus } from 'sums'\nconst { a, b: [c = 2, ...d] } = { a: 1, b: [undefined, 3, 4] }")
  await run('let e = await plus(a, c)\nfunction f() { return e }\nclass G {}')
  await run('e = e + seven; console.log(a, c, d, e, new G() instanceof G)')
  await run("import * as all from 'sums'\nconst a = all.add(1, 1)\nconsole.log(a, e)")
  expect(said).toEqual([1, 2, [3, 4], 10, true, 2, 10])
})

test('what a function of an earlier cell says is said where it is called', async () => {
  const { run } = createNotebook({})
  const to = (said: unknown[]) => ({ log: (value: unknown) => said.push(value), display: () => {}, width: 640 })
  const [first, second]: [unknown[], unknown[]] = [[], []]
  await run('const say = (word) => console.log(word)\nsay("here")', to(first))
  await run('say("there")', to(second))
  expect([first, second]).toEqual([['here'], ['there']])
})

test('a cell can run again, with other values for the same names', async () => {
  const { said, run } = notebook()
  for (const n of [1, 2]) await run(`const n = ${n}\nconst twice = () => 2 * n`)
  await run('console.log(twice())')
  expect(said).toEqual([4])
})

test('what is no code, no module here or no name of it is an error that says so; what was declared before stays', async () => {
  const { said, run } = notebook()
  await run('const a = 1')
  await expect(run('const b = = 2')).rejects.toThrow(/^Unexpected token \(1:10\)$/)
  await expect(run("import { x } from 'fs'")).rejects.toThrow('"fs" is not on this page: it has sums')
  await expect(run("import { x } from 'sums'")).rejects.toThrow('"sums" has no export "x"')
  await expect(run('const b = 1; throw new RangeError("too far")')).rejects.toThrow('too far')
  await run('console.log(a, typeof b, width)')
  expect(said).toEqual([1, 'undefined', 640])
})

test('values are shown in a line, long ones in part', () => {
  expect(textOf('as it is')).toBe('as it is')
  expect(textOf({ a: 'b', c: [1, null], d: {} })).toBe("{ a: 'b', c: [1, null], d: {} }")
  expect(textOf(Float32Array.of(0.5, 1))).toBe('Float32Array(2) [0.5, 1]')
  expect(textOf(Array.from({ length: 12 }, (_, i) => i))).toBe('[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 2 more]')
  expect(textOf(new Map([['fc.bias', [10]]]))).toBe('Map(1) { fc.bias => [10] }')
  expect(textOf(new RangeError('too far'))).toBe('RangeError: too far')
  expect(textOf([[[[1]]]])).toBe('[[[[...]]]]')
})
