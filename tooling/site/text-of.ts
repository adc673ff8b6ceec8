// What `console.log` of a cell shows, as Node would nearly write it.

const most = 10

/** A value in a line or a few. */
export const textOf = (value: unknown, depth = 0): string => {
  if (typeof value === 'string') return depth === 0 ? value : `'${value}'`
  if (typeof value === 'function') return `[function ${value.name}]`
  if (value === null || typeof value !== 'object') return String(value)
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (depth > 2) return Array.isArray(value) ? '[...]' : '{...}'
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const list = value as unknown as ArrayLike<number>
    return `${value.constructor.name}(${list.length}) ${listOf(
      Array.from({ length: Math.min(list.length, most + 1) }, (_, i) => list[i]),
      list.length,
      depth,
    )}`
  }
  if (Array.isArray(value)) return listOf(value, value.length, depth)
  if (value instanceof Map) return `Map(${value.size}) ${fieldsOf([...value.entries()], ' => ', depth)}`
  return fieldsOf(Object.entries(value), ': ', depth)
}

const listOf = (values: readonly unknown[], length: number, depth: number): string => {
  const shown = values.slice(0, most).map((value) => textOf(value, depth + 1))
  if (length > most) shown.push(`... ${length - most} more`)
  return `[${shown.join(', ')}]`
}

const fieldsOf = (entries: readonly (readonly [unknown, unknown])[], between: string, depth: number): string =>
  entries.length === 0
    ? '{}'
    : `{ ${entries.map(([name, value]) => `${String(name)}${between}${textOf(value, depth + 1)}`).join(', ')} }`
