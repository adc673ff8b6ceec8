// What is tried, part by part; and how what came of it is written down.
import type { Team } from './outside'
import type { Registry } from './local-registry'
import type { Tree } from './tree'

/** Thrown where something can't be tried here. */
export class Skipped extends Error {}

/** @throws Error with both values where two differ as JSON */
export const expectSame = (what: string, found: unknown, expected: unknown): void => {
  const [a, b] = [found, expected].map((value) => JSON.stringify(value))
  if (a !== b) throw new Error(`expected ${what} to be ${b}, found ${a}`)
}

/** @throws Error with what was found where something does not hold */
export const expectThat = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new Error(otherwise)
}

/** What came of one thing that was tried. */
export interface Result {
  readonly part: string
  readonly what: string
  readonly outcome: 'works' | 'fails' | 'skipped'
  /** What is not required may fail without failing the whole. */
  readonly required: boolean
  readonly seconds: number
  readonly detail?: string
}

/** A whole rehearsal, as it is kept in JSON. */
export interface Rehearsal {
  readonly date: string
  readonly commit: string
  readonly machine: { readonly platform: string; readonly node: string }
  readonly results: readonly Result[]
  readonly seconds: number
}

/** Does something and notes its outcome, with what it answers as a detail; required unless said otherwise. Answers whether it worked. */
export type Attempt = (
  part: string,
  what: string,
  work: () => Promise<string | undefined | void> | string | undefined | void,
  options?: { readonly required?: boolean },
) => Promise<boolean>

/** Where things are tried. */
export interface World {
  readonly attempt: Attempt
  readonly tree: Tree
  readonly registry: Registry
  readonly team: Team
  /** What was published: the version of each package by its name. */
  readonly versions: ReadonlyMap<string, string>
  /** Only the short half. */
  readonly quick: boolean
  /** What is installed once for several parts. */
  command?: Promise<{ readonly program: string; readonly script: string }>
  convolution?: Promise<string>
}

/**
 * Keeps what was tried.
 *
 * @param say is told of each as it ends
 */
export const keepResults = (say: (sentence: string) => void): { results: readonly Result[]; attempt: Attempt } => {
  const results: Result[] = []
  const attempt: Attempt = async (part, what, work, { required = true } = {}) => {
    const start = performance.now()
    let outcome: Result['outcome'] = 'works'
    let detail: string | undefined
    try {
      const said = await work()
      if (typeof said === 'string') detail = said
    } catch (error) {
      outcome = error instanceof Skipped ? 'skipped' : 'fails'
      detail = (error as Error).message
    }
    const seconds = Math.round((performance.now() - start) / 100) / 10
    results.push({ part, what, outcome, required, seconds, ...(detail === undefined ? {} : { detail }) })
    say(`${part}: ${what}: ${outcome}${outcome === 'works' ? '' : `: ${detail ?? ''}`}`)
    return outcome === 'works'
  }
  return { results, attempt }
}
