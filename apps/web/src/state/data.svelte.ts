// The data set that is chosen: none yet, on its way, at hand, or not to be had.
import type { CatalogueName } from '@digitlab/data'
import type { DataChoice, DataSummary, Failure, GivenFile, LoadProgress } from '../protocol'
import type { Context, Part } from './context'
import type { Told } from './lab-connection'
import { remember, rememberedData } from './remembered'

type Status =
  | { readonly name: 'none' }
  | ({ readonly name: 'loading' } & LoadProgress)
  | { readonly name: 'ready' }
  | { readonly name: 'failed'; readonly failure: Failure }

export class DataState implements Part {
  choice = $state<DataChoice>(rememberedData() ?? 'auto')
  status = $state.raw<Status>({ name: 'none' })
  summary = $state.raw<DataSummary>()
  /** The data sets whose images can be drawn, by name and hashes; the latest last. */
  images = $state.raw<readonly string[]>([])
  /** What the server of this page has. */
  local = $state.raw<readonly CatalogueName[]>([])
  /** Those of the data set, where it is of files that were given. */
  #files: readonly GivenFile[] | undefined
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  load(choice: Exclude<DataChoice, 'files'>): void {
    this.choice = choice
    this.status = { name: 'loading', what: 'looking for the data set' }
    this.#context.send({ type: 'load', name: choice })
  }

  /** Once more: what failed, or MNIST where strokes had to take its place. */
  again(): void {
    if (this.choice !== 'files') this.load(this.choice)
  }

  cancel(): void {
    this.#context.send({ type: 'cancel-load' })
  }

  /** The files that turned out to be the data set. */
  hold(given: readonly GivenFile[]): void {
    this.#files = given
  }

  addImages(id: string): void {
    this.images = [...this.images.filter((held) => held !== id), id]
  }

  /** As it was before something was loaded. */
  #restore(): void {
    if (this.summary) this.choice = this.summary.choice
    this.status = { name: this.summary ? 'ready' : 'none' }
  }

  receive(message: Told): void {
    switch (message.type) {
      case 'loading':
        this.status = { name: 'loading', ...message }
        return
      case 'data':
        this.status = { name: 'ready' }
        this.summary = message.data
        this.choice = message.data.choice
        if (message.data.choice !== 'files') remember('digitlab-data', message.data.choice)
        this.#context.announce(`${message.data.title} is loaded. ${message.data.notice ?? ''}`)
        return
      case 'served':
        this.local = message.names
        return
      case 'load-cancelled':
        return this.#restore()
      case 'data-failed':
        this.status = { name: 'failed', failure: message.failure }
        this.#context.announce(message.failure.sentence)
        return
      case 'failed':
        if (this.status.name === 'loading') this.#restore() // it was loaded for the training that failed
        return
      default: // is for other parts
    }
  }

  restarted(): void {
    if (this.status.name === 'loading' || this.status.name === 'ready') {
      if (this.choice !== 'files') this.load(this.choice)
      else if (this.#files) this.#context.send({ type: 'files', given: this.#files })
    }
  }
}
