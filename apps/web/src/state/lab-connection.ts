// The page's end of the worker that computes, and how it finds out that the worker is gone.
import { newKey } from '../new-key'
import { afterPress } from './press'
import type { FromLab, ToLab } from '../protocol'

/** What the lab says, but for its life sign. */
export type Told = Exclude<FromLab, { type: 'alive' }>

export interface LabConnection {
  hello(figures: MessagePort, local: string | undefined): void
  send(message: ToLab, transfer?: Transferable[]): void
  /** Ends the worker; nobody is told. */
  end(): void
}

/**
 * Starts the worker that computes.
 *
 * @param onDeath told when the worker was closed, whatever closed it: a worker that dies tells nobody, but the lock that it
 * holds becomes free
 */
export const connectLab = (onMessage: (message: Told) => void, onDeath: () => void): LabConnection => {
  const worker = new Worker(new URL('../lab/lab.ts', import.meta.url), { type: 'module' })
  const lock = `digitlab-lab-${newKey()}`
  const waiting = new AbortController()
  let ended = false
  const end = () => {
    ended = true
    waiting.abort()
    worker.terminate()
  }
  const died = () => {
    afterPress(() => {
      if (ended) return
      end()
      onDeath()
    })
  }
  worker.onmessage = ({ data }: MessageEvent<FromLab>) => {
    if (ended) return
    if (data.type === 'alive') return watch()
    afterPress(() => {
      if (!ended) onMessage(data)
    })
  }
  worker.onerror = (event) => {
    event.preventDefault()
    afterPress(() => {
      if (!ended) onMessage({ type: 'failed', failure: unloadable(event.message), fresh: false })
    })
  }
  const watch = () => {
    navigator.locks.request(lock, { signal: waiting.signal }, died).catch(() => {}) // aborted: we ended it ourselves
  }
  return {
    hello(figures, local) {
      const message: ToLab = { type: 'hello', lock, figures, ...(local === undefined ? {} : { local }) }
      worker.postMessage(message, [figures])
    },
    send: (message, transfer = []) => worker.postMessage(message, transfer),
    end,
  }
}

const unloadable = (message: string | undefined) =>
  message
    ? { sentence: `This is a bug in digitlab: ${message}`, bug: message }
    : { sentence: 'The code that computes could not be loaded: reload the page when you are online.' }
