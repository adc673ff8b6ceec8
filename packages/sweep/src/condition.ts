// Conditions such as `model=cnn and (testAccuracy>0.98 or seed in (0, 1))`: read once, asked of many rows. Nothing is evaluated but
// what stands here.
import { deepest } from './axis'
import { SweepError } from './sweep-error'

/** What a field of a row holds; null if there is nothing. */
export type Value = string | number | boolean | null

/** A row of a table, by the names of its fields. */
export type Row = Readonly<Record<string, Value>>

/** A condition that was read. */
export interface Condition {
  /** Whether it holds for a row. A field that the row does not have is `none`. */
  readonly holds: (row: Row) => boolean
  /** The fields that it asks for, each once. */
  readonly fields: readonly string[]
}

interface Token {
  readonly kind: 'word' | 'text' | 'sign' | 'end'
  readonly text: string
  readonly at: number
}

const pattern = /\s*(?:(<=|>=|!=|==|[=<>~(),])|'([^']*)'|"([^"]*)"|([^\s=<>!~(),'"]+))/y

const tokensOf = (text: string): Token[] => {
  const tokens: Token[] = []
  let at = 0
  while (text.slice(at).trim() !== '') {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (!found) throw wrong(text, at + text.slice(at).search(/\S/), 'a field, a value or a sign')
    const [whole, sign, single, double, word] = found
    at += whole.length
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign === '==' ? '=' : sign, at: at - sign.length })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at: at - word.length })
    else tokens.push({ kind: 'text', text: single ?? double ?? '', at: at - (single ?? double ?? '').length - 2 })
  }
  return [...tokens, { kind: 'end', text: '', at: text.length }]
}

const wrong = (text: string, at: number, expected: string): SweepError =>
  new SweepError(
    `the condition "${text.length > 200 ? `${text.slice(0, 197)}...` : text}" has ${at >= text.length ? 'nothing' : `"${text.slice(at, at + 20)}"`} where ${expected} was expected (character ${at + 1}): write such as model=cnn and testAccuracy>0.98`,
  )

type Test = (row: Row) => boolean

/** How a field is compared with a value: both as numbers where both are. */
const comparisons: Readonly<Record<string, (order: number | undefined, field: string, value: string) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order !== undefined && order < 0,
  '<=': (order) => order !== undefined && order <= 0,
  '>': (order) => order !== undefined && order > 0,
  '>=': (order) => order !== undefined && order >= 0,
  '~': (_, field, value) => field.includes(value),
}

/** Below, at or above 0, as `sort` takes it; undefined if the two cannot be compared. */
const orderOf = (field: Value | undefined, value: string): number | undefined => {
  if (field === undefined || field === null) return value === 'none' ? 0 : undefined
  if (typeof field === 'number') {
    const number = value.trim() === '' ? NaN : Number(value)
    return Number.isNaN(number) || Number.isNaN(field) ? undefined : field - number
  }
  const text = String(field)
  return text === value ? 0 : text < value ? -1 : 1
}

/**
 * Reads a condition: comparisons of a field with a value by `=`, `!=`, `<`, `<=`, `>`, `>=`, `~` (holds the text) or `in (a, b)`, joined
 * by `and`, `or`, `not` and brackets. A value may stand in quotes.
 *
 * @throws SweepError that says where it is not one
 */
export const parseCondition = (text: string): Condition => {
  const tokens = tokensOf(text)
  const fields = new Set<string>()
  let next = 0
  const peek = () => tokens[next] as Token // the last one is never passed
  const take = (): Token => {
    const token = peek()
    if (token.kind !== 'end') next++
    return token
  }
  const takes = (kind: Token['kind'], word: string): boolean => {
    if (peek().kind !== kind || peek().text !== word) return false
    next++
    return true
  }
  const value = (): string => {
    const token = take()
    if (token.kind === 'word' || token.kind === 'text') return token.text
    throw wrong(text, token.at, 'a value')
  }
  const values = (): string[] => {
    if (!takes('sign', '(')) throw wrong(text, peek().at, '"("')
    const all = [value()]
    while (takes('sign', ',')) all.push(value())
    if (!takes('sign', ')')) throw wrong(text, peek().at, '")"')
    return all
  }
  const comparison = (): Test => {
    const { kind, text: field, at } = take()
    if (kind !== 'word') throw wrong(text, at, 'a field')
    fields.add(field)
    if (takes('word', 'in')) {
      const all = values()
      return (row) => all.some((one) => orderOf(row[field], one) === 0)
    }
    const sign = take()
    const compare = sign.kind === 'sign' ? comparisons[sign.text] : undefined
    if (!compare) throw wrong(text, sign.at, 'one of =, !=, <, <=, >, >=, ~ and in')
    const other = value()
    return (row) => compare(orderOf(row[field], other), String(row[field] ?? ''), other)
  }
  let depth = 0
  const single = (): Test => {
    if (++depth > deepest)
      throw new SweepError(`a condition has at most ${deepest} brackets and "not"s in one another: write it shorter`)
    const test = innermost()
    depth--
    return test
  }
  const innermost = (): Test => {
    if (takes('word', 'not')) {
      const inner = single()
      return (row) => !inner(row)
    }
    if (!takes('sign', '(')) return comparison()
    const inner = either()
    if (!takes('sign', ')')) throw wrong(text, peek().at, '")"')
    return inner
  }
  const joined = (word: string, part: () => Test, join: (tests: readonly Test[]) => Test) => (): Test => {
    const tests = [part()]
    while (takes('word', word)) tests.push(part())
    return join(tests)
  }
  const both = joined('and', single, (tests) => (row) => tests.every((test) => test(row)))
  const either = joined('or', both, (tests) => (row) => tests.some((test) => test(row)))
  const holds = either()
  if (peek().kind !== 'end') throw wrong(text, peek().at, '"and" or "or"')
  return { holds, fields: [...fields] }
}
