// What the parts of the page's state have in common.
import type { ToLab } from '../protocol'
import type { Told } from './lab-connection'
import type { Figures } from './figures'

export interface Context {
  readonly send: (message: ToLab, transfer?: Transferable[]) => void
  /** Tells a screen reader: what has ended, not every step. */
  readonly announce: (sentence: string) => void
  readonly figures: Figures
}

/** A part of the state: it is told everything that the lab says, and takes what concerns it. */
export interface Part {
  receive(message: Told): void
  /** The lab is a new one, which knows nothing of what went before. */
  restarted(): void
}
