import { isMendable } from '@digitlab/train/experiment'
import { shown } from '../shown'
import type { Failure } from '../protocol'

/** Something was given up because it was asked to. */
export const isAborted = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'

/** An error of the page's own that a user can mend. */
export class PageError extends Error {
  readonly mendable = true
  override name = 'PageError'
}

/** An error as the page tells it: a sentence; anything that nobody can mend is a bug, and comes with its stack. */
export const failureOf = (error: unknown): Failure => {
  if (isMendable(error)) return { sentence: sentenceOf(error.message) }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  return { sentence: `This is a bug in digitlab: ${shown(message, 600)}`, bug: stack ?? message }
}

/** A message of the packages as a sentence; it may quote a file that somebody else wrote. */
export const sentenceOf = (message: string): string => {
  const trimmed = shown(message, 600).trim().replace(/\.$/, '')
  // A path, such as layers[3].out, is written as it is.
  if (/^\w+[[.]\S/.test(trimmed)) return `${trimmed}.`
  return `${trimmed.slice(0, 1).toUpperCase()}${trimmed.slice(1)}.`
}
