// The runs that the page knows: trained here, kept by this browser or opened; the one that is looked at; those that can go on.
import type { Failure, KnownRun, LoadProgress, Resumable, RunParts, UnreadableRun } from '../protocol'
import type { Context, Part } from './context'
import type { DrawingState } from './drawing.svelte'
import type { Told } from './lab-connection'

export class RunsState implements Part {
  known = $state.raw<readonly KnownRun[]>([])
  resumable = $state.raw<readonly Resumable[]>([])
  unreadable = $state.raw<readonly UnreadableRun[]>([])
  /** The run that is looked at. */
  looking = $state<string>()
  parts = $state.raw<RunParts>()
  /** Its data set is on its way. */
  loading = $state.raw<LoadProgress>()
  failure = $state.raw<Failure>()
  /** The runs whose figures can be drawn. */
  prepared = $state.raw<readonly string[]>([])
  /** Why the figures of other runs can't be. */
  failed = $state.raw<Readonly<Record<string, Failure>>>({})
  #preparing: readonly string[] = []
  readonly #context: Context
  readonly #drawing: DrawingState

  /** @param drawing is read by the run that is looked at */
  constructor(context: Context, drawing: DrawingState) {
    this.#context = context
    this.#drawing = drawing
  }

  look(key: string): void {
    this.looking = key
    this.parts = undefined
    this.loading = undefined
    this.failure = undefined
    this.#context.send({ type: 'prepare', key })
    this.#drawing.readBy({ run: key })
  }

  /** Sees to it that a run's figures can be drawn, without looking at it. */
  prepare(key: string): void {
    if (this.#preparing.includes(key)) return
    this.#preparing = [...this.#preparing, key]
    this.#context.send({ type: 'prepare', key })
  }

  /** A run that stopped is not to go on. */
  forget(key: string): void {
    this.resumable = this.resumable.filter((run) => run.key !== key)
    this.#context.send({ type: 'forget', key })
  }

  /** A run is to be kept no longer. */
  remove(key: string): void {
    this.known = this.known.filter((run) => run.key !== key)
    if (this.looking === key) this.looking = this.parts = this.loading = this.failure = undefined
    this.#context.send({ type: 'remove', key })
    const { by } = this.#drawing
    if (typeof by === 'object' && by.run === key) this.#drawing.readBy('example')
  }

  /** What can't be read is deleted. */
  discard(key: string): void {
    this.unreadable = this.unreadable.filter((run) => run.key !== key)
    this.#context.send({ type: 'remove', key })
    this.#context.send({ type: 'forget', key })
  }

  /** What was trained last is what one comes back for. */
  #lookAtNewest(): void {
    if (this.looking !== undefined) return
    const [newest] = this.known.toSorted((one, other) => other.run.startedAt.localeCompare(one.run.startedAt))
    if (newest) this.look(newest.key)
  }

  #canGoOn(resumable: Resumable | undefined): void {
    if (resumable) this.resumable = [resumable, ...this.resumable.filter(({ key }) => key !== resumable.key)]
  }

  #add(known: KnownRun): void {
    this.known = [...this.known.filter(({ key }) => key !== known.key), known]
    this.look(known.key)
  }

  receive(message: Told): void {
    switch (message.type) {
      case 'kept': {
        const kept = message.runs.map(({ key }) => key)
        this.known = [...message.runs, ...this.known.filter(({ key }) => !kept.includes(key))]
        this.resumable = message.resumable
        this.unreadable = message.unreadable
        this.#lookAtNewest()
        return
      }
      case 'resumable':
        return this.#canGoOn(message.resumable)
      case 'started':
        this.resumable = this.resumable.filter(({ key }) => key !== message.key)
        return
      case 'finished':
        this.#canGoOn(message.resumable)
        return this.#add(message.known)
      case 'failed':
        return this.#canGoOn(message.resumable)
      case 'opened':
        if (message.what.kind === 'run') this.#add(message.what.known)
        return
      case 'look-loading':
        if (message.key === this.looking) this.loading = message
        return
      case 'parts': {
        const { parts } = message
        this.#context.figures.prepare(parts)
        if (!this.prepared.includes(parts.key)) this.prepared = [...this.prepared, parts.key]
        if (parts.key !== this.looking) return
        this.parts = parts
        this.loading = undefined
        return
      }
      case 'look-failed':
        this.failed = { ...this.failed, [message.key]: message.failure }
        if (message.key !== this.looking) return
        this.failure = message.failure
        this.loading = undefined
        return
      default: // is for other parts
    }
  }

  restarted(): void {
    this.#context.send({ type: 'known', runs: this.known })
    const asked = this.#preparing.filter((key) => !this.prepared.includes(key))
    this.#preparing = this.prepared
    for (const key of asked) this.prepare(key)
    if (this.looking !== undefined && !this.parts) this.look(this.looking)
  }
}
