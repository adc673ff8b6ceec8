import { axisX, axisY, dot, gridY, lineY } from '@observablehq/plot'
import { chart } from '../chart'
import { runLabels } from '../compared-runs'
import type { ReportInput } from '../drawn-run'
import { emptyFigure, type Figure, type FigureOptions } from '../figure'
import { smoothedLosses, smoothingWindow, type StepValue } from '../smoothing'
import { grouped, percent } from '../table'
import { seriesColours, seriesDashes, seriesSymbols, type Theme } from '../theme'
import { watchedEpochs, type WatchedEpoch } from '../watched-epochs'
import { countingTicks, linearTicks, logTicks, lossText, shortNumber } from '../ticks'
import { rateAxis, rateDomain } from './accuracy'

const series = (inputs: readonly ReportInput[], theme: Theme) => {
  const colours = seriesColours(theme)
  return runLabels(inputs).map((label, n) => ({
    label,
    colour: colours[n % colours.length] as string,
    // another dash on the second round, where the colours start again
    dash: seriesDashes[(n + Math.floor(n / colours.length)) % seriesDashes.length] as string,
    symbol: seriesSymbols[n % seriesSymbols.length] as (typeof seriesSymbols)[number],
    run: (inputs[n] as ReportInput).run, // the labels are one each
  }))
}

/** The test accuracy of each run after each epoch. */
export const accuraciesFigure = (inputs: readonly ReportInput[], options: FigureOptions = {}): Figure => {
  const kinds = new Set(inputs.map(({ run }) => watchedEpochs(run.history.epochs).words))
  const watched = kinds.size === 1 ? [...kinds].join() : 'images that were watched'
  const [id, title] = ['accuracies', kinds.has('validation images') ? 'Accuracy per epoch' : 'Test accuracy per epoch']
  const { theme = 'light' } = options
  const lines = series(inputs, theme)
  const last = Math.max(0, ...lines.map(({ run }) => run.history.epochs.at(-1)?.epoch ?? 0))
  if (last === 0)
    return emptyFigure({ id, title, sentence: 'No run finished an epoch: there is no accuracy of one yet.' }, options)
  const domain = rateDomain(
    lines.flatMap(({ run }) => watchedEpochs(run.history.epochs).epochs.map(({ accuracy }) => accuracy)),
  )
  return chart(
    {
      id,
      title,
      alt: `At the end: ${lines.map(({ label, run }) => `${label} ${percent(watchedEpochs(run.history.epochs).epochs.at(-1)?.accuracy ?? null)}`).join(', ')}.`,
      legend: () => lines.map(({ label, colour, dash, symbol }) => ({ words: label, colour, dash, mark: symbol })),
      options: ({ muted, faint }, width) => ({
        height: 310,
        marginLeft: 54,
        marginRight: 18,
        x: { domain: last === 1 ? [0.5, 1.5] : [1, last] },
        y: { domain },
        marks: [
          ...rateAxis(domain, { muted, faint }, `accuracy on the ${watched}`),
          axisX(countingTicks(last, width / 60), {
            color: muted,
            label: 'epoch',
            tickFormat: grouped,
            labelArrow: 'none',
            labelAnchor: 'center',
          }),
          ...lines.flatMap(({ label, colour, dash, symbol, run: { history } }) => [
            lineY(watchedEpochs(history.epochs).epochs, {
              x: 'epoch',
              y: 'accuracy',
              stroke: colour,
              strokeWidth: 2.2,
              strokeDasharray: dash,
            }),
            ...(last > 60
              ? []
              : [
                  dot(watchedEpochs(history.epochs).epochs, {
                    x: 'epoch',
                    y: 'accuracy',
                    fill: colour,
                    symbol,
                    r: 4.5,
                    title: ({ epoch, accuracy }: WatchedEpoch) => `${label}, epoch ${epoch}: ${percent(accuracy)}`,
                  }),
                ]),
          ]),
        ],
      }),
    },
    options,
  )
}

/** The smoothed training loss of each run. */
export const lossesFigure = (inputs: readonly ReportInput[], options: FigureOptions = {}): Figure => {
  const [id, title] = ['losses', 'Training loss per step, smoothed']
  const { theme = 'light' } = options
  const lines = series(inputs, theme).map((line) => {
    const { stepLosses } = line.run.history
    return { ...line, smooth: smoothedLosses(stepLosses, smoothingWindow(stepLosses.length), 300) }
  })
  const losses = lines.flatMap(({ smooth }) => smooth.map(({ loss }) => loss)).filter(Number.isFinite)
  if (losses.length === 0)
    return emptyFigure({ id, title, sentence: 'No run has a step whose loss is a number: there is no curve.' }, options)
  const [least, high] = [Math.min(...losses) * 0.9, Math.max(...losses) * 1.1]
  const low = least > 0 ? least : 0
  const steps = Math.max(2, ...lines.map(({ run }) => run.history.stepLosses.length))
  const ticks = low > 0 ? logTicks(low, high) : linearTicks(0, high || 1, 5)
  return chart(
    {
      id,
      title,
      alt: `At the end: ${lines.map(({ label, smooth }) => `${label} ${lossText(smooth.findLast(({ loss }) => Number.isFinite(loss))?.loss)}`).join(', ')}.`,
      legend: () => lines.map(({ label, colour, dash }) => ({ words: label, colour, dash, mark: 'line' })),
      options: ({ muted, faint }, width) => ({
        height: 310,
        marginLeft: 46,
        marginRight: 18,
        x: { domain: [1, steps] },
        y: { type: low > 0 ? 'log' : 'linear', domain: [low, high || 1] },
        marks: [
          gridY(ticks, { stroke: faint, strokeOpacity: 1 }),
          axisY(ticks, {
            color: muted,
            label: 'loss in nats',
            labelArrow: 'none',
            tickSize: 0,
            text: shortNumber,
          }),
          axisX(countingTicks(steps, width / 90), {
            color: muted,
            label: 'step',
            labelArrow: 'none',
            labelAnchor: 'center',
            tickFormat: grouped,
          }),
          ...lines.map(({ smooth, colour, dash }) =>
            lineY(smooth, {
              x: 'step',
              y: ({ loss }: StepValue) => loss,
              stroke: colour,
              strokeWidth: 2.2,
              strokeDasharray: dash,
            }),
          ),
        ],
      }),
    },
    options,
  )
}
