// An option of the command line that follows from a table: its name, its placeholder, and how a text becomes a value.
import type { Option as TableOption } from '@digitlab/models'
import { InvalidArgumentError, Option } from 'commander'

/** The name of an option on the command line: --weight-decay. */
export const flagOf = (option: string, prefix = ''): string =>
  `--${prefix}${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

const placeholders: Readonly<Partial<Record<TableOption['kind'], string>>> = {
  number: '<x>',
  integer: '<n>',
  boolean: '[true|false]',
  choice: '<word>',
  text: '<text>',
  list: '<list>',
}

/** Flag and placeholder: `--weight-decay <x>`. */
export const flagsOf = (name: string, { kind }: TableOption, prefix = ''): string =>
  `${flagOf(name, prefix)} ${placeholders[kind] ?? '<json>'}`

const json = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

const readings: Readonly<Partial<Record<TableOption['kind'], (text: string) => unknown>>> = {
  number: (text) => (text === '' ? undefined : Number(text)),
  integer: (text) => (text === '' ? undefined : Number(text)),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  choice: String,
  text: String,
  list: (text) => json(text.startsWith('[') ? text : `[${text}]`),
}

/** The value that a text is, which the table then checks. @param text true where the option stands alone */
export const valueOf = ({ kind }: TableOption, text: string | true): unknown =>
  text === true ? true : (readings[kind] ?? json)(text.trim())

/**
 * An option that takes several of a table's at once, as 'mean=0.13,std=0.31', or in their order, as '0.13,0.31'; without any they are all
 * as usual.
 */
export const partOption = (name: string, table: Readonly<Record<string, TableOption>>): Option => {
  const entries = Object.entries(table)
  const optional = entries.every(([, { presence }]) => presence !== 'required')
  const each = entries.map(([key, { says, presence, default: usual }]) => {
    const absent = presence === 'defaulted' ? ` (default: ${String(usual)})` : ''
    return `${key}, ${says ?? ''}${absent}`
  })
  const example = entries.map(([key]) => `${key}=…`).join(',')
  return new Option(
    `${flagOf(name)} ${optional ? '[options]' : '<options>'}`,
    `${example}: ${each.join('; ')}`,
  ).argParser((text: string) => {
    const names = Object.keys(table)
    const parts = text.split(',').map((part, i) => (text.includes('=') ? part : `${names[i] ?? part}=${part}`))
    const pairs = parts.map((part) => {
      const [key = '', ...value] = part.split('=')
      const option = Object.hasOwn(table, key.trim()) ? table[key.trim()] : undefined
      if (!option) throw new InvalidArgumentError(`It has no ${key.trim()}: give ${example}.`)
      const read = valueOf(option, value.join('='))
      if (!option.fits(read)) throw new InvalidArgumentError(`Its ${key.trim()} must be ${option.allowed}.`)
      return [key.trim(), read] as const
    })
    return Object.fromEntries(pairs)
  })
}

/** An option of the command line that takes what a table's takes. */
export const tableOption = (name: string, option: TableOption, usual: unknown = option.default): Option => {
  const made = new Option(flagsOf(name, option), option.says ?? name).argParser((text) => {
    const value = valueOf(option, text)
    if (!option.fits(value)) throw new InvalidArgumentError(`It must be ${option.allowed}.`)
    return value
  })
  return usual === undefined ? made : made.default(usual)
}
