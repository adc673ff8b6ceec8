// Files that were given, by the chooser or dropped, and the answer, which is told where they were.
import type { Failure, GivenFile, Opened } from '../protocol'
import type { Context, Part } from './context'
import type { DataState } from './data.svelte'
import type { Told } from './lab-connection'

/** Where files were given. */
export type Place = 'data' | 'drop'

type Answer =
  | { readonly state: 'reading'; readonly count: number }
  | { readonly state: 'opened'; readonly what: Opened }
  | { readonly state: 'failed'; readonly failure: Failure }

export class GivenState implements Part {
  answer = $state.raw<Answer & { readonly at: Place }>()
  readonly #context: Context
  readonly #data: DataState

  constructor(context: Context, data: DataState) {
    this.#context = context
    this.#data = data
  }

  open(given: readonly GivenFile[], at: Place): void {
    this.answer = { state: 'reading', count: given.length, at }
    this.#context.send({ type: 'open', given })
  }

  /** A data set at an address. */
  openAddress(address: string, at: Place): void {
    this.answer = { state: 'reading', count: 1, at }
    this.#context.send({ type: 'fetch', address })
  }

  /** What was given can't even be sent. */
  fail(failure: Failure, at: Place): void {
    this.answer = { state: 'failed', failure, at }
    this.#context.announce(failure.sentence)
  }

  close(): void {
    this.answer = undefined
  }

  receive(message: Told): void {
    const at = this.answer?.at ?? 'drop'
    if (message.type === 'not-opened') return this.fail(message.failure, at)
    if (message.type !== 'opened') return
    this.answer = { state: 'opened', what: message.what, at }
    if (message.what.kind === 'data') this.#data.hold(message.what.given)
    if (message.what.kind === 'run') this.#context.announce('The run is open.')
  }

  restarted(): void {
    if (this.answer?.state !== 'reading') return
    this.fail({ sentence: 'The worker that reads files was closed: give them again.' }, this.answer.at)
  }
}
