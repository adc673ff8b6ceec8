import { axisX, axisY, barX, dot, gridX, ruleX, ruleY, text } from '@observablehq/plot'
import { drawPlot } from '../chart'
import type { ReportInput } from '../drawn-run'
import {
  defaultWidth,
  element,
  emptyFigure,
  figureOf,
  fitted,
  textAt,
  textWidth,
  type Figure,
  type FigureOptions,
} from '../figure'
import { wilsonInterval } from '../metrics'
import { groupRuns, groupStyles, meanAndDeviation } from '../run-groups'
import { grouped, percent } from '../number-text'
import { paletteOf, type Palette, type Theme } from '../theme'
import { percentTick, rateDomain, rateTicks } from './accuracy'

interface Row {
  readonly label: string
  readonly colour: string
  readonly accuracy: number
  /** Each run's own accuracy, where there are several. */
  readonly each: readonly number[]
  readonly low: number
  readonly high: number
  /** The accuracy as it is written. */
  readonly words: string
  /** What `low` and `high` are. */
  readonly range: string
  readonly parameters: number
  readonly seconds: number
}

const rowsOf = (inputs: readonly ReportInput[], theme: Theme): Row[] => {
  const groups = groupRuns(inputs)
  const styles = groupStyles(groups, theme)
  return groups.map(({ label, inputs }, n) => {
    const [{ run: first }] = inputs
    const { mean, deviation } = meanAndDeviation(inputs.map(({ run }) => run.metrics.accuracy))
    const several = inputs.length > 1
    const [low, high] = several
      ? [mean - deviation, mean + deviation]
      : wilsonInterval(first.metrics.correct, first.metrics.count)
    return {
      label,
      colour: styles[n]?.colour ?? '',
      accuracy: mean,
      each: several ? inputs.map(({ run }) => run.metrics.accuracy) : [],
      ...{ low, high },
      words: several ? `${(100 * mean).toFixed(2)} ± ${percent(deviation)}` : percent(mean),
      range: several ? 'mean ± deviation' : '95 % interval',
      parameters: first.model.parameters,
      seconds: meanAndDeviation(inputs.map(({ run }) => run.timing.secondsPerEpoch)).mean,
    }
  })
}

/** The models side by side: test accuracy with its interval, parameters, and seconds per epoch of training. */
export const comparisonFigure = (inputs: readonly ReportInput[], options: FigureOptions = {}): Figure => {
  const { width = defaultWidth, theme = 'light' } = options
  const [id, title] = ['comparison', 'The models compared']
  if (inputs.length === 0)
    return emptyFigure({ id, title, sentence: 'No run was completed: there is nothing to compare.' }, options)
  const palette = paletteOf(theme)
  const rows = rowsOf(inputs, theme)
  const narrow = width < 640
  const label = Math.min(narrow ? 150 : 190, 14 + Math.max(...rows.map(({ label }) => textWidth(label, 12))))
  // Beside one another the panels share the names at the left; one above the other each has its own.
  const widths = narrow ? [width, width, width] : [0.5, 0.25, 0.25].map((share) => (width - label) * share)
  const panels = [accuracyPanel, parametersPanel, secondsPanel].map((panel, n) => {
    const named = narrow || n === 0
    const wide = (widths[n] ?? width) + (named && !narrow ? label : 0)
    return { ...panel(rows, { palette, width: wide, label: named ? label : 12 }), wide }
  })
  let [x, y] = [0, 0]
  const placed = panels.map(({ heading, content, height, wide, inset }) => {
    const at = `translate(${x} ${y})`
    if (narrow) y += height + 26
    else x += wide
    const head = textAt(narrow ? 0 : inset, 12, heading, { 'font-weight': 600, 'font-size': 12.5 })
    return element('g', { transform: at }, head + element('g', { transform: 'translate(0 20)' }, content))
  })
  const alt = rows
    .map(
      ({ label, words, range, low, high, parameters, seconds }) =>
        `${label}: ${words} (${range} ${percent(low)} to ${percent(high)}), ${grouped(parameters)} parameters, ${secondsText(seconds)} an epoch`,
    )
    .join('; ')
  const height = narrow ? y : Math.max(...panels.map(({ height }) => height)) + 20
  return figureOf({ id, title, alt: `${alt}.`, content: placed.join(''), width, height }, options)
}

interface PanelOptions {
  readonly palette: Palette
  readonly width: number
  /** Room for the names at the left. */
  readonly label: number
}

const secondsText = (seconds: number): string => `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`

const rowAxis = (rows: readonly Row[], { palette, label }: PanelOptions) => ({
  y: { type: 'band' as const, domain: rows.map((_, n) => n), padding: 0.45 },
  axis:
    label > 20
      ? [
          axisY({
            color: palette.ink,
            label: null,
            tickSize: 0,
            tickFormat: (n: number) => fitted(rows[n]?.label ?? '', label - 12, 12),
          }),
        ]
      : [],
})

const panelHeight = (rows: readonly Row[]) => 34 + 30 * rows.length

const accuracyPanel = (rows: readonly Row[], options: PanelOptions) => {
  const { palette, width, label } = options
  const domain = rateDomain(rows.flatMap(({ low, high, each }) => [low, high, ...each]))
  const marginRight = 24 + Math.max(...rows.map(({ words }) => textWidth(words, 12.6)))
  const ticks = rateTicks(domain, width - label - marginRight)
  const { y, axis } = rowAxis(rows, options)
  const drawn = drawPlot({
    width,
    height: panelHeight(rows),
    marginTop: 4,
    marginBottom: 26,
    marginLeft: label,
    marginRight,
    x: { domain },
    y,
    marks: [
      gridX(ticks, { stroke: palette.faint, strokeOpacity: 1 }),
      axisX(ticks, { color: palette.muted, label: null, tickSize: 0, tickFormat: percentTick }),
      ...axis,
      ruleY(rows, { y: (_, n) => n, x1: 'low', x2: 'high', stroke: 'colour', strokeWidth: 3 }),
      ...rows.map((row, n) => dot(row.each, { x: (share: number) => share, y: () => n, stroke: row.colour, r: 2.5 })),
      dot(rows, {
        x: 'accuracy',
        y: (_, n) => n,
        fill: 'colour',
        r: 5,
        title: ({ label, range, low, high }: Row) => `${label}: ${range} ${percent(low)} to ${percent(high)}`,
      }),
      text(rows, {
        y: (_, n) => n,
        frameAnchor: 'right',
        textAnchor: 'start',
        dx: 12,
        fill: palette.ink,
        fontWeight: 600,
        text: 'words',
      }),
    ],
  })
  const ranges = [...new Set(rows.map(({ range }) => range))].join(' or ')
  return { heading: `test accuracy, ${ranges}`, inset: label, ...drawn }
}

const barPanel =
  (heading: string, value: (row: Row) => number, write: (value: number) => string) =>
  (rows: readonly Row[], options: PanelOptions) => {
    const { palette, width, label } = options
    const { y, axis } = rowAxis(rows, options)
    const most = Math.max(...rows.map(value).filter(Number.isFinite), 0)
    const words = Math.max(...rows.map((row) => textWidth(write(value(row)), 12)))
    const drawn = drawPlot({
      width,
      height: panelHeight(rows),
      marginTop: 4,
      marginBottom: 26,
      marginLeft: label,
      marginRight: words + 12,
      x: { domain: [0, most > 0 ? most : 1], axis: null },
      y: { ...y, axis: null },
      marks: [
        ...axis,
        ruleX([0], { stroke: palette.muted }),
        barX(rows, { x: value, y: (_, n) => n, fill: 'colour', fillOpacity: 0.75 }),
        text(rows, {
          x: value,
          y: (_, n) => n,
          textAnchor: 'start',
          dx: 6,
          fill: palette.ink,
          text: (row: Row) => write(value(row)),
        }),
      ],
    })
    return { heading, inset: label, ...drawn }
  }

const parametersPanel = barPanel('parameters', ({ parameters }) => parameters, grouped)
const secondsPanel = barPanel('training, an epoch', ({ seconds }) => seconds, secondsText)
