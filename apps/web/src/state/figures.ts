// The page's side of the figures' worker.
import type { FigureId } from '@digitlab/report'
import type { DrawnFigure, FromFigures, ToFigures, Wanted } from '../figures/protocol'
import type { RunParts } from '../protocol'
import { afterPress } from './press'

/** Makes figures of runs and images. What can't be drawn rejects with a sentence. */
export interface Figures {
  readonly draw: (wanted: Wanted, width: number) => Promise<DrawnFigure>
  readonly list: (key: string) => Promise<readonly FigureId[]>
  readonly page: (keys: readonly string[]) => Promise<string>
  readonly prepare: (parts: RunParts) => void
  /** A port for the lab, which sends the images. */
  readonly port: () => MessagePort
}

type Question = Exclude<ToFigures, { type: 'images' | 'port' | 'run' }>
type Asked = Question extends infer Q ? (Q extends Question ? Omit<Q, 'id'> : never) : never
type Answer = Exclude<FromFigures, { type: 'failed' | 'images-changed' }>

/** @param onImages told when the images of a data set have come */
export const createFigures = (onImages: (id: string) => void): Figures => {
  const worker = new Worker(new URL('../figures/figures.ts', import.meta.url), { type: 'module' })
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>()
  let asked = 0
  const send = (message: ToFigures, transfer: Transferable[] = []) => worker.postMessage(message, transfer)
  worker.onmessage = ({ data }: MessageEvent<FromFigures>) => afterPress(() => receive(data))
  const receive = (data: FromFigures) => {
    if (data.type === 'images-changed') return onImages(data.id)
    const asker = waiting.get(data.id)
    waiting.delete(data.id)
    if (data.type === 'failed') asker?.reject(new Error(data.sentence))
    else asker?.resolve(data)
  }
  let broken: Error | undefined
  worker.onerror = ({ message }: ErrorEvent) => {
    broken = new Error(
      message
        ? `the worker that draws figures failed (${message}): reload the page`
        : 'the code that draws figures could not be loaded: reload the page when you are online',
    )
    for (const { reject } of waiting.values()) reject(broken)
    waiting.clear()
  }
  const ask = <T extends Answer['type']>(question: Asked, type: T): Promise<Answer & { type: T }> =>
    new Promise((resolve, reject) => {
      if (broken) return reject(broken)
      const id = ++asked
      const take = (answer: Answer) => {
        if (answer.type === type) resolve(answer as Answer & { type: T })
      }
      waiting.set(id, { resolve: take, reject })
      send({ ...question, id })
    })
  return {
    draw: async (wanted, width) => (await ask({ type: 'draw', wanted, width }, 'drawn')).figure,
    list: async (key) => (await ask({ type: 'list', key }, 'listed')).figures,
    page: async (keys) => (await ask({ type: 'page', keys }, 'written')).html,
    prepare: (parts) => send({ type: 'run', parts }),
    port() {
      const { port1, port2 } = new MessageChannel()
      send({ type: 'port', port: port1 }, [port1])
      return port2
    },
  }
}
