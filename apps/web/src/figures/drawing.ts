// Figures of runs and images, by @digitlab/report: loaded when the first one is asked for.
import type { ImageShape } from '@digitlab/data'
import { grouped, type DrawnImages, type DrawnRun, type FigureId, type ReportInput } from '@digitlab/report'
import {
  accuracyFigure,
  comparisonFigures,
  comparisonReportHtml,
  imageGridFigure,
  lossFigure,
  runFigures,
  runReportHtml,
  type Drawable,
  type Figure,
} from '@digitlab/report/figures'
import { augmentedCaptions, augmentedImages, completeExperiment } from '@digitlab/train/experiment'
import type { RunParts } from '../protocol'
import { imagesId } from './images-id'
import type { Images, LiveRun, Wanted } from './protocol'

/** What there is to draw from. */
export interface Held {
  /** By {@link imagesId}. */
  readonly images: ReadonlyMap<string, Images>
  readonly runs: ReadonlyMap<string, RunParts>
}

/** Training images of a preview. */
const previewed = 20

/** As many images of a cell as can be looked at. */
const mostInCell = 120

const imagesOf = ({ images }: Held, { run }: RunParts): Images | undefined => images.get(imagesId(run.dataset))

const partsOf = ({ runs }: Held, key: string): RunParts => {
  const parts = runs.get(key)
  if (!parts) throw new Error('this run has not been prepared: choose it again')
  return parts
}

const inputOf = (held: Held, key: string): ReportInput => {
  const parts = partsOf(held, key)
  const { run, predictions, augmented, firstLayer, featureMaps, missing } = parts
  const found = imagesOf(held, parts)
  return {
    run,
    missing,
    ...(predictions ? { predictions } : {}),
    ...(augmented ? { augmented } : {}),
    ...(firstLayer ? { firstLayer } : {}),
    ...(featureMaps ? { featureMaps } : {}),
    ...(found ? { images: { ...sizeOf(found), pixels: found.test.images } } : {}),
  }
}

/** A run that is still going on, with the little that its curves are drawn from. */
const liveRun = ({ losses, epochs, trainCount, batchSize }: LiveRun): DrawnRun =>
  ({
    history: { stepLosses: Array.from(losses), epochs },
    experiment: { batchSize },
    dataset: { trainCount },
  }) as unknown as DrawnRun // the curves read no more of it

const sizeOf = ({ height, width, channels }: Images): Omit<DrawnImages, 'pixels'> => ({
  height,
  width,
  ...(channels ? { channels } : {}),
})

const some = (images: Images, pixels: Uint8Array, places: readonly number[]): DrawnImages => {
  const size = images.height * images.width * (images.channels ?? 1)
  const chosen = new Uint8Array(places.length * size)
  places.forEach((place, n) => chosen.set(pixels.subarray(place * size, (place + 1) * size), n * size))
  return { ...sizeOf(images), pixels: chosen }
}

/** Draws a figure in the page's own colours. @throws Error where what it needs is not held; ReportError where it is none */
export const draw = (held: Held, wanted: Wanted, width: number): Figure => {
  const options = { width, theme: 'page', heading: false } as const
  switch (wanted.kind) {
    case 'live':
      return (wanted.id === 'loss' ? lossFigure : accuracyFigure)(liveRun(wanted.live), options)
    case 'run':
      return chosen(runFigures(inputOf(held, wanted.key)), wanted.id)(options)
    case 'comparison':
      return chosen(comparisonFigures(wanted.keys.map((key) => inputOf(held, key))), wanted.id)(options)
    case 'digits': {
      const images = held.images.get(wanted.images)
      if (!images) throw new Error('these images are not at hand: load the data set again')
      const { images: pixels, labels } = images[wanted.split]
      const all = Array.from(labels.keys()).filter(
        (place) => wanted.label === undefined || labels[place] === wanted.label,
      )
      const places = all.slice(wanted.from, wanted.from + wanted.count)
      if (places.length === 0) throw new Error('there are no more of these images')
      const captions = places.map((place) => nameOf(images, labels[place]))
      const range = `Images ${grouped(wanted.from + 1)}-${grouped(wanted.from + places.length)}`
      const title = wanted.label === undefined ? range : `${range} of ${nameOf(images, wanted.label)}`
      return imageGridFigure(some(images, pixels, places), captions, { ...options, title })
    }
    case 'augmented': {
      const images = held.images.get(wanted.images)
      if (!images) throw new Error('these images are not at hand: load the data set again')
      const { augment, seed, batchSize } = wanted
      const { height, width: across, channels, train, classNames } = images
      const experiment = completeExperiment({ model: 'linear', seed, batchSize, augment })
      const imageShape: ImageShape = channels ? [height, across, channels] : [height, across]
      const data = { train: { ...train, count: train.labels.length }, imageShape }
      const first = Int32Array.from({ length: Math.min(previewed, data.train.count) }, (_, i) => i)
      const changed = augmentedImages(experiment, data, first)
      const captions = augmentedCaptions(changed, classNames)
      return imageGridFigure({ ...sizeOf(images), pixels: changed.images }, captions, options)
    }
    case 'cell': {
      const parts = partsOf(held, wanted.key)
      const { predictions } = parts
      const images = imagesOf(held, parts)
      if (!predictions || !images) throw new Error('the images of this run are not at hand')
      const places: number[] = []
      for (let i = 0; i < predictions.labels.length && places.length < mostInCell; i++)
        if (predictions.labels[i] === wanted.label && predictions.after[i] === wanted.predicted) places.push(i)
      const captions = places.map((place) => `#${place + 1}`)
      return imageGridFigure(some(images, images.test.images, places), captions, options)
    }
  }
}

const nameOf = ({ classNames }: Images, label: number | undefined): string => classNames[label ?? 0] ?? String(label)

const chosen = (list: readonly Drawable[], id: string): Drawable['draw'] => {
  const found = list.find((figure) => figure.id === id)
  if (!found) throw new Error(`there is nothing to draw the figure "${id}" from`)
  return found.draw
}

/** The ids of the figures of a run that can be drawn. */
export const list = (held: Held, key: string): FigureId[] => runFigures(inputOf(held, key)).map(({ id }) => id)

/** The report of a run, or of several side by side, as a page of its own. */
export const report = async (held: Held, keys: readonly string[]): Promise<string> => {
  const inputs = keys.map((key) => inputOf(held, key))
  const [first] = inputs
  return inputs.length === 1 && first ? runReportHtml(first) : comparisonReportHtml(inputs)
}
