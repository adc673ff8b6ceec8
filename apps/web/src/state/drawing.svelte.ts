// What is drawn, and what the model says of it.
import type { Evidence, ReadBy, Reading } from '../protocol'
import type { Context, Part } from './context'
import type { Told } from './lab-connection'

export class DrawingState implements Part {
  reading = $state.raw<Reading>()
  /** What of the drawing speaks for what the model sees in it. */
  evidence = $state.raw<Evidence>()
  unreadable = $state<string>()
  /** The name of the picture that lies on the sheet, where one was given. */
  picture = $state<string>()
  /** Whose weights read drawings while nothing trains. */
  by = $state.raw<ReadBy>('example')
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  readBy(by: ReadBy): void {
    this.by = by
    this.#context.send({ type: 'read-by', by })
  }

  draw(rgba: Uint8ClampedArray, width: number, height: number): void {
    this.picture = undefined
    this.#context.send({ type: 'drawing', rgba, width, height }, [rgba.buffer])
  }

  takeTestImage(): void {
    this.picture = undefined
    this.#context.send({ type: 'test-image' })
  }

  clear(): void {
    this.reading = undefined
    this.evidence = undefined
    this.unreadable = undefined
    this.picture = undefined
    this.#context.send({ type: 'no-drawing' })
  }

  receive(message: Told): void {
    switch (message.type) {
      case 'read':
        this.reading = message
        this.unreadable = undefined
        return
      case 'unreadable':
        this.unreadable = message.sentence
        this.reading = undefined
        this.evidence = undefined
        return
      case 'evidence':
        if (this.reading) this.evidence = message
        return
      case 'opened':
        if (message.what.kind === 'picture') this.picture = message.what.name
        return
      default: // is for other parts
    }
  }

  restarted(): void {
    this.evidence = undefined
    this.reading = undefined // the sheet is read again after the next stroke
    if (this.by !== 'example') this.readBy(this.by)
  }
}
