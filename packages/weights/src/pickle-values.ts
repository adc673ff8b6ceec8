// What a pickle makes, in terms of JavaScript.
import { quoted } from './shown'

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

/** What a file may hold and nothing here looks into: bytes, a set, a device. */
export class Opaque {
  /** @param kind in words: 'a set' */
  constructor(readonly kind: string) {}
}

/** What a value read from a pickle is, in words. */
export const shownPickled = (value: unknown): string => {
  if (value instanceof Map) return 'a dict'
  if (value instanceof Tuple) return 'a tuple'
  if (value instanceof Opaque) return value.kind
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Global) return `the name ${quoted(value.name)}`
  if (typeof value === 'string') return quoted(value)
  if (value === null) return 'None'
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return 'an object'
}
