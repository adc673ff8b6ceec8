// The worker that makes figures: SVG from @digitlab/report, so that neither the page nor the training waits for a drawing.
import type { RunParts } from '../protocol'
import type { FromFigures, Images, ToFigures } from './protocol'

const post = (message: FromFigures): void => globalThis.postMessage(message)

/** Data sets whose images are held: the chosen one, and those of runs that are looked at. */
const mostImages = 3
const images = new Map<string, Images>()
const runs = new Map<string, RunParts>()
const held = { images, runs }

/** Answers a question, with a sentence where it can't. */
const answer = async (question: ToFigures & { readonly id: number }): Promise<void> => {
  const { id } = question
  try {
    const drawing = await import('./drawing')
    if (question.type === 'draw') {
      const { title, svg } = drawing.draw(held, question.wanted, question.width)
      post({ type: 'drawn', id, figure: { title, svg } })
    } else if (question.type === 'list') post({ type: 'listed', id, figures: drawing.list(held, question.key) })
    else if (question.type === 'page') post({ type: 'written', id, html: await drawing.report(held, question.keys) })
  } catch (error) {
    post({ type: 'failed', id, sentence: (error as Error).message })
  }
}

const receive = (message: ToFigures): void => {
  switch (message.type) {
    case 'port':
      message.port.onmessage = ({ data }: MessageEvent<ToFigures>) => receive(data)
      return
    case 'images':
      images.delete(message.id)
      images.set(message.id, message)
      for (const id of [...images.keys()].slice(0, Math.max(0, images.size - mostImages))) images.delete(id)
      return post({ type: 'images-changed', id: message.id })
    case 'run':
      runs.set(message.parts.key, message.parts)
      return
    case 'draw':
    case 'list':
    case 'page':
      void answer(message)
  }
}

globalThis.onmessage = ({ data }: MessageEvent<ToFigures>) => receive(data)
