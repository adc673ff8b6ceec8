// The worker that makes figures: SVG from @digitlab/report, so that neither the page nor the training waits for a drawing.
import type { DrawnImages, DrawnRun, ReportInput } from '@digitlab/report'
import {
  accuracyFigure,
  comparisonFigures,
  comparisonReportHtml,
  imageGridFigure,
  lossFigure,
  runFigures,
  runReportHtml,
  type Figure,
} from '@digitlab/report/figures'
import type { RunParts } from '../protocol'
import type { FromFigures, LiveRun, ToFigures, Wanted } from './protocol'

type Images = ToFigures & { type: 'images' }

const post = (message: FromFigures): void => globalThis.postMessage(message)

/** Data sets whose images are held: the chosen one, and those of runs that are looked at. */
const mostImages = 3
const images = new Map<string, Images>()
const runs = new Map<string, RunParts>()

/** As many images of a cell as can be looked at. */
const mostInCell = 120

const imagesOf = ({ run }: RunParts): Images | undefined =>
  images.get(`${run.dataset.name} ${run.dataset.files.map(({ sha256 }) => sha256).join()}`)

const drawnImages = ({ height, width, test }: Images): DrawnImages => ({ height, width, pixels: test.images })

const partsOf = (key: string): RunParts => {
  const parts = runs.get(key)
  if (!parts) throw new Error('this run has not been prepared: open it again')
  return parts
}

const inputOf = (key: string): ReportInput => {
  const { run, predictions, firstLayer, featureMaps, missing } = partsOf(key)
  const found = imagesOf(partsOf(key))
  return {
    run,
    missing,
    ...(predictions ? { predictions } : {}),
    ...(firstLayer ? { firstLayer } : {}),
    ...(featureMaps ? { featureMaps } : {}),
    ...(found ? { images: drawnImages(found) } : {}),
  }
}

/** A run that is still going on, with the little that its curves are drawn from. */
const liveRun = ({ losses, epochs, trainCount, batchSize }: LiveRun): DrawnRun =>
  ({
    history: { stepLosses: Array.from(losses), epochs },
    experiment: { batchSize },
    dataset: { trainCount },
  }) as unknown as DrawnRun // the curves read no more of it

const some = ({ height, width }: Images, pixels: Uint8Array, places: readonly number[]): DrawnImages => {
  const size = height * width
  const chosen = new Uint8Array(places.length * size)
  places.forEach((place, n) => chosen.set(pixels.subarray(place * size, (place + 1) * size), n * size))
  return { height, width, pixels: chosen }
}

const draw = (wanted: Wanted, width: number): Figure => {
  const options = { width, theme: 'page', heading: false } as const
  switch (wanted.kind) {
    case 'live':
      return (wanted.id === 'loss' ? lossFigure : accuracyFigure)(liveRun(wanted.live), options)
    case 'run':
      return chosen(runFigures(inputOf(wanted.key)), wanted.id)(options)
    case 'comparison':
      return chosen(comparisonFigures(wanted.keys.map(inputOf)), wanted.id)(options)
    case 'digits': {
      const held = images.get(wanted.images)
      if (!held) throw new Error('these images are not at hand: load the data set again')
      const { images: pixels, labels } = held[wanted.split]
      const places: number[] = []
      for (let i = wanted.from; i < labels.length && places.length < wanted.count; i++)
        if (wanted.label === undefined || labels[i] === wanted.label) places.push(i)
      const captions = places.map((place) => nameOf(held, labels[place]))
      return imageGridFigure(some(held, pixels, places), captions, { ...options, title: `${wanted.split} images` })
    }
    case 'cell': {
      const { predictions } = partsOf(wanted.key)
      const held = imagesOf(partsOf(wanted.key))
      if (!predictions || !held) throw new Error('the images of this run are not at hand')
      const places: number[] = []
      for (let i = 0; i < predictions.labels.length && places.length < mostInCell; i++)
        if (predictions.labels[i] === wanted.label && predictions.after[i] === wanted.predicted) places.push(i)
      const title = `${nameOf(held, wanted.label)} taken for ${nameOf(held, wanted.predicted)}`
      return imageGridFigure(
        some(held, held.test.images, places),
        places.map((place) => `#${place + 1}`),
        {
          ...options,
          title,
        },
      )
    }
  }
}

const nameOf = ({ classNames }: Images, label: number | undefined): string => classNames[label ?? 0] ?? String(label)

const chosen = (list: ReturnType<typeof runFigures>, id: string) => {
  const found = list.find((figure) => figure.id === id)
  if (!found) throw new Error(`there is nothing to draw the figure "${id}" from`)
  return found.draw
}

/** Answers a question, with a sentence where it can't. */
const answering = (id: number, answer: () => FromFigures): void => {
  try {
    post(answer())
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
      return answering(message.id, () => {
        const { title, svg } = draw(message.wanted, message.width)
        return { type: 'drawn', id: message.id, figure: { title, svg } }
      })
    case 'list':
      return answering(message.id, () => ({
        type: 'listed',
        id: message.id,
        figures: runFigures(inputOf(message.key)).map(({ id }) => id),
      }))
    case 'page':
      return answering(message.id, () => {
        const inputs = message.keys.map(inputOf)
        const [first] = inputs
        const html = inputs.length === 1 && first ? runReportHtml(first) : comparisonReportHtml(inputs)
        return { type: 'written', id: message.id, html }
      })
  }
}

globalThis.onmessage = ({ data }: MessageEvent<ToFigures>) => receive(data)
