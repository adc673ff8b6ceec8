// The curves of a page's figures as numbers: what its script draws anew under a pointer, without series, on another axis or smoothed.
import { accuracyBefore } from './before-training'
import type { DrawnLoss, ReportInput } from './drawn-run'
import { groupRuns, groupStyles, meanAndDeviation } from './run-groups'
import { paletteOf } from './theme'
import { watchedEpochs } from './watched-epochs'

/** A line of a chart. */
export interface ChartLine {
  readonly label: string
  readonly colour: string
  /** The dash pattern of SVG; '' for a solid line. */
  readonly dash: string
  readonly x: readonly number[]
  /** null if there is no number. */
  readonly y: readonly (number | null)[]
  /** The band around it, if it is a mean. */
  readonly low?: readonly (number | null)[]
  readonly high?: readonly (number | null)[]
  /** Whether it can be smoothed: a loss per step, not a value per epoch. */
  readonly noisy?: boolean
}

/** A line chart, as a page stores it. */
export interface LineChart {
  readonly x: string
  readonly y: string
  /** Whether values are shares, shown in percent. */
  readonly rate?: boolean
  /** Neighbours averaged initially, on either side. */
  readonly smooth?: number
  readonly lines: readonly ChartLine[]
}

/** As many points as a screen has pixels to show them. */
const mostPoints = 1200

const short = (value: number | null | undefined): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? Number(value.toPrecision(5)) : null

/** The losses of steps as at most so many means of neighbours. */
const thinned = (losses: readonly DrawnLoss[]): { readonly x: number[]; readonly y: (number | null)[] } => {
  const length = Math.max(1, Math.ceil(losses.length / mostPoints))
  const starts = Array.from({ length: Math.ceil(losses.length / length) }, (_, i) => i * length)
  return {
    x: starts.map((from) => from + (Math.min(length, losses.length - from) + 1) / 2),
    y: starts.map((from) => {
      const some = losses.slice(from, from + length).filter((loss): loss is number => Number.isFinite(loss))
      return short(some.reduce((sum, loss) => sum + loss / some.length, some.length > 0 ? 0 : NaN))
    }),
  }
}

/** About as many as the figure without a script averages. */
const usualSmoothing = (points: number): number => Math.round(points / 100)

/** The loss of each step, and of the images that were watched after each epoch. */
export const lossChart = ({ run: { history, experiment, dataset } }: ReportInput): LineChart => {
  const { first, second } = paletteOf('page')
  const { words, epochs } = watchedEpochs(history.epochs)
  const stepsPerEpoch = Math.ceil(dataset.trainCount / experiment.batchSize)
  const steps = thinned(history.stepLosses)
  const watched: ChartLine = {
    ...{ label: words, colour: second, dash: '5 3' },
    x: epochs.map(({ epoch }) => epoch * stepsPerEpoch),
    y: epochs.map(({ loss }) => short(loss)),
  }
  return {
    ...{ x: 'step', y: 'loss in nats', smooth: usualSmoothing(steps.x.length) },
    lines: [
      { label: 'training images', colour: first, dash: '', ...steps, noisy: true },
      ...(epochs.length > 0 ? [watched] : []),
    ],
  }
}

/** The accuracies after each epoch. */
export const accuracyChart = (input: ReportInput): LineChart => {
  const { first, second } = paletteOf('page')
  const { words, epochs } = watchedEpochs(input.run.history.epochs)
  const before = words === 'test images' ? accuracyBefore(input) : undefined
  const x = epochs.map(({ epoch }) => epoch)
  return {
    ...{ x: 'epoch', y: 'accuracy', rate: true },
    lines: [
      { label: 'training images', colour: first, dash: '5 3', x, y: epochs.map((epoch) => short(epoch.trainAccuracy)) },
      {
        ...{ label: words, colour: second, dash: '' },
        x: before === undefined ? x : [0, ...x],
        y: [...(before === undefined ? [] : [short(before)]), ...epochs.map(({ accuracy }) => short(accuracy))],
      },
    ],
  }
}

/** Several curves as their mean, between the least and the most, or within their deviation. */
const band = (
  curves: readonly (readonly (number | null)[])[],
  within: 'range' | 'deviation',
): Pick<ChartLine, 'y' | 'low' | 'high'> => {
  const [only = []] = curves
  if (curves.length === 1) return { y: only }
  const points = only.slice(0, Math.min(...curves.map((curve) => curve.length))).map((_, i) => {
    const values = curves.map((curve) => curve[i] ?? NaN)
    const { mean, deviation } = meanAndDeviation(values)
    const [low, high] =
      within === 'range' ? [Math.min(...values), Math.max(...values)] : [mean - deviation, mean + deviation]
    return { mean: short(mean), low: short(low), high: short(high) }
  })
  return { y: points.map(({ mean }) => mean), low: points.map(({ low }) => low), high: points.map(({ high }) => high) }
}

/** The groups of runs that differ in the seed alone, each as it is drawn. */
const groupsOf = (inputs: readonly ReportInput[]) => {
  const groups = groupRuns(inputs)
  const styles = groupStyles(groups, 'page')
  return groups.map(({ label, inputs }, n) => ({
    ...{ label, inputs, colour: styles[n]?.colour ?? '', dash: styles[n]?.dash ?? '' },
  }))
}

/** The training loss of each model: its mean over seeds, between the least and the most. */
export const lossesChart = (inputs: readonly ReportInput[]): LineChart => {
  const lines = groupsOf(inputs).map(({ inputs, ...line }): ChartLine => {
    const curves = inputs.map(({ run }) => thinned(run.history.stepLosses))
    const drawn = band(
      curves.map(({ y }) => y),
      'range',
    )
    return { ...line, x: (curves[0]?.x ?? []).slice(0, drawn.y.length), ...drawn, noisy: true }
  })
  return {
    ...{ x: 'step', y: 'loss in nats', lines },
    smooth: usualSmoothing(Math.max(0, ...lines.map(({ x }) => x.length))),
  }
}

/** The accuracy of each model after each epoch: its mean over seeds, within its deviation. */
export const accuraciesChart = (inputs: readonly ReportInput[]): LineChart => ({
  ...{ x: 'epoch', y: 'accuracy', rate: true },
  lines: groupsOf(inputs).map(({ inputs, ...line }) => {
    const before = inputs.map(accuracyBefore)
    const watched = inputs.map(({ run }) => watchedEpochs(run.history.epochs))
    const begun = watched.every(({ short }) => short === 'test') && before.every((share) => share !== undefined)
    const curves = watched.map(({ epochs }, n) => [
      ...(begun ? [short(before[n])] : []),
      ...epochs.map(({ accuracy }) => short(accuracy)),
    ])
    const drawn = band(curves, 'deviation')
    const x = [...(begun ? [0] : []), ...(watched[0]?.epochs.map(({ epoch }) => epoch) ?? [])]
    return { ...line, x: x.slice(0, drawn.y.length), ...drawn }
  }),
})
