// What is tried, part by part; and how what came of it is written down.
import type { Command } from '../shell'
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
type Attempt = (
  part: string,
  what: string,
  work: () => Promise<string | undefined | void> | string | undefined | void,
  options?: { readonly required?: boolean },
) => Promise<boolean>

/** Where what was tried is noted. */
export interface Notes {
  readonly attempt: Attempt
  /** Notes of something that goes on beside the rest: they stand in one piece, where the branch was made. */
  branch(): Notes
  /** All that was tried so far, in the order of the notes. */
  results(): Result[]
}

/** Where things are tried. */
export interface World extends Notes {
  readonly tree: Tree
  readonly registry: Registry
  readonly team: Team
  /** Who may publish, and deprecate. */
  readonly publisher: Team
  /** What was published: the version of each package by its name. */
  readonly versions: ReadonlyMap<string, string>
  /** Only the short half. */
  readonly quick: boolean
  /** What is installed once for several parts. */
  readonly shared: {
    command?: Promise<{ readonly program: string; readonly script: string }>
    convolution?: Promise<string>
    readonly runtimes: Map<string, Promise<Command>>
  }
}

/** Goes through several things beside one another, with the world's notes in their order. */
export const beside = async <W extends Notes>(
  world: W,
  works: readonly ((world: W) => Promise<unknown>)[],
): Promise<void> => {
  const branches = works.map(() => world.branch())
  await Promise.all(works.map((work, i) => work({ ...world, ...branches[i] })))
}

/** Lets only so many do their work at a time, in the order in which they came. */
const turns = (atOnce: number) => {
  let free = atOnce
  const waiting: (() => void)[] = []
  return async <T>(work: () => T | Promise<T>): Promise<T> => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

/** Most of what is tried waits for a process, a disk or a registry. */
const triedAtOnce = 2

/**
 * Keeps what was tried.
 *
 * @param say is told of each as it ends
 */
export const keepNotes = (say: (sentence: string) => void, inTurn = turns(triedAtOnce)): Notes => {
  const kept: (Result | Notes)[] = []
  const attempt: Attempt = (part, what, work, { required = true } = {}) =>
    inTurn(async () => {
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
      kept.push({ part, what, outcome, required, seconds, ...(detail === undefined ? {} : { detail }) })
      say(`${part}: ${what}: ${outcome}${outcome === 'works' ? ` (${seconds} s)` : `: ${detail ?? ''}`}`)
      return outcome === 'works'
    })
  return {
    attempt,
    branch: () => {
      const branch = keepNotes(say, inTurn)
      kept.push(branch)
      return branch
    },
    results: () => kept.flatMap((one) => ('results' in one ? one.results() : [one])),
  }
}
