// The case study as the pictures show it: kept beside them, so that they can be drawn again without training.
import type { Dataset } from '@digitlab/data'
import type { DrawnRun, ReportInput, RunPredictions } from '@digitlab/report'
import type { Run } from '@digitlab/train'

/** How many images a picture shows: a part of the 64 that a report has, large enough to be read in a README. */
const shownImages = 24
/** As many as PyTorch's traces have. */
const shownSteps = 200

/** A run without what no picture shows; classes are digits, one letter each. */
interface StudiedRun {
  readonly run: DrawnRun
  readonly before: string
  readonly after: string
  /** Of the images that are shown, [count, 10], to four digits. */
  readonly probabilities: readonly number[]
}

export interface Study {
  /** Of every test image. */
  readonly labels: string
  readonly height: number
  readonly width: number
  /** The first test images, base64 of [count, height, width]. */
  readonly images: string
  readonly runs: readonly StudiedRun[]
}

/** A run of the command, and what it said of the test images. */
export interface EndedRun {
  readonly run: Run
  readonly predictions: RunPredictions
}

const digits = (classes: ArrayLike<number>): string => Array.from(classes).join('')

export const studyOf = (ended: readonly EndedRun[], { test, imageShape: [height, width] }: Dataset): Study => ({
  labels: digits(test.labels),
  height,
  width,
  images: Buffer.from(test.images.subarray(0, shownImages * height * width)).toString('base64'),
  runs: ended.map(({ run, predictions }) => ({
    run: {
      ...run,
      dataset: { ...run.dataset, origin: 'MNIST' }, // where it lay is of no interest
      history: { ...run.history, stepLosses: run.history.stepLosses.slice(0, shownSteps) },
    },
    before: digits(predictions.before),
    after: digits(predictions.after),
    probabilities: Array.from(predictions.probabilities)
      .slice(0, shownImages * run.dataset.classNames.length)
      .map((probability) => Number(probability.toFixed(4))),
  })),
})

const classesOf = (text: string): number[] => [...text].map(Number)

/** What a report draws of the runs: curves from all their predictions, and the first images with theirs. */
export const inputsOf = ({ labels, height, width, images, runs }: Study) =>
  runs.map(({ run, before, after, probabilities }) => {
    const all = { labels: classesOf(labels), before: classesOf(before), after: classesOf(after) }
    const first = (classes: readonly number[]) => classes.slice(0, shownImages)
    const curves: ReportInput = { run, predictions: { ...all, probabilities: [] } }
    const shown: RunPredictions = {
      labels: first(all.labels),
      before: first(all.before),
      after: first(all.after),
      probabilities,
    }
    return { curves, shown, images: { height, width, pixels: Buffer.from(images, 'base64') } }
  })
