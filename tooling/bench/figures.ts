// The bench's figures: ratios with their spread, and how speed and memory go with the size of a batch and of the data.
import { element, figureOf, textAt, textWidth, type Figure } from '../../packages/report/src/figure'
import { legend } from '../../packages/report/src/legend'
import { paletteOf, seriesColours, type Palette } from '../../packages/report/src/theme'
import { median } from './measure'
import { number, peers, range, ratioOf, type BenchResult } from './tables'

type Theme = 'light' | 'dark'
const width = 720

/** Places on a logarithmic axis. */
const logarithmic =
  (least: number, most: number, from: number, to: number) =>
  (value: number): number =>
    from + ((to - from) * Math.log(value / least)) / Math.log(most / least)

const powers = (least: number, most: number): number[] => {
  const first = Math.floor(Math.log10(least))
  const last = Math.ceil(Math.log10(most))
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i)).filter((p) => p >= least && p <= most)
}

const line = (
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  stroke: string,
  more: Record<string, string | number> = {},
) => element('line', { x1, y1, x2, y2, stroke, ...more })

/** How many times as fast each model is as each peer: median, least and most. */
const ratioFigure = (result: BenchResult, theme: Theme): Figure => {
  const palette = paletteOf(theme)
  const { muted, faint, ink, first, second } = palette
  const rows = result.epochs.flatMap((epoch) =>
    peers.flatMap(([backend, peer, id]) => {
      const found = ratioOf(epoch, backend, id, result.machine.cores)
      return found ? [{ model: epoch.model, words: `${backend} : ${peer}`, id, ...found }] : []
    }),
  )
  const least = Math.min(1, ...rows.map(({ min }) => min)) * 0.9
  const most = Math.max(10, ...rows.map(({ max }) => max)) * 1.2
  const label = 14 + Math.max(0, ...rows.map(({ words }) => textWidth(words, 12)))
  const place = logarithmic(least, most, label, width - 130)
  const rowHeight = 21
  const models = [...new Set(rows.map(({ model }) => model))]
  const height = rows.length * rowHeight + models.length * 26 + 30
  const foot = height - 30
  const grid = [...new Set([1, ...powers(least, most)])].map(
    (value) =>
      line(
        place(value),
        0,
        place(value),
        foot,
        value === 1 ? muted : faint,
        value === 1 ? { 'stroke-dasharray': '4 3' } : {},
      ) + textAt(place(value), foot + 16, number(value), { fill: muted, 'text-anchor': 'middle' }),
  )
  let y = 0
  const drawn = models.map((model) => {
    y += 26
    const head = textAt(0, y - 8, model, { 'font-weight': 600 })
    const marks = rows
      .filter((row) => row.model === model)
      .map(({ words, id, median, min, max }) => {
        const middle = y + rowHeight / 2
        y += rowHeight
        const colour = id === 'torch-resident' ? first : second
        return [
          textAt(0, middle + 4, words, { fill: muted }),
          line(place(min), middle, place(max), middle, colour, { 'stroke-width': 2.5 }),
          element('circle', { cx: place(median), cy: middle, r: 4.5, fill: colour }),
          textAt(width - 120, middle + 4, range({ median, min, max }, 2), { fill: ink }),
        ].join('')
      })
    return head + marks.join('')
  })
  const alt = rows.map(({ model, words, median }) => `${model}, ${words}: ${number(median, 2)}`).join('; ')
  return figureOf(
    {
      id: 'ratios',
      title: `How many times as fast${result.turn ? ', every side warm' : ''}, ${result.date}, commit ${result.commit}`,
      ...{ alt, content: grid.join('') + drawn.join(''), width, height },
    },
    { theme },
  )
}

interface Series {
  readonly words: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** Lines over logarithmic axes. */
const panel = (
  title: string,
  series: readonly Series[],
  { left, wide, palette, colours }: { left: number; wide: number; palette: Palette; colours: readonly string[] },
): string => {
  const { muted, faint } = palette
  const points = series.flatMap((each) => each.points)
  if (points.length === 0) return ''
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)]
  const [low, high] = [Math.min(...ys) / 1.3, Math.max(...ys) * 1.3]
  const ticks = [...new Set(xs)].sort((a, b) => a - b)
  const x = logarithmic(Math.min(...xs), Math.max(...xs), left + 62, left + wide - 26)
  const y = logarithmic(low, high, 130, 24)
  const marks = [1, 2, 5].flatMap((step) => powers(low / step, high / step).map((power) => step * power))
  return [
    textAt(left, 12, title, { 'font-weight': 600 }),
    ...marks.map(
      (value) =>
        line(left + 56, y(value), left + wide - 20, y(value), faint) +
        textAt(left + 50, y(value) + 4, number(value), { fill: muted, 'text-anchor': 'end' }),
    ),
    ...ticks.map((value) => textAt(x(value), 148, short(value), { fill: muted, 'text-anchor': 'middle' })),
    ...series.map(({ points }, n) => {
      const stroke = colours[n] ?? palette.ink
      const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join('')
      const dots = points.map(([px, py]) => element('circle', { cx: x(px), cy: y(py), r: 3.2, fill: stroke }))
      return element('path', { d: path, fill: 'none', stroke, 'stroke-width': 2 }) + dots.join('')
    }),
  ].join('')
}

/** 64, 4,096, 60k, 5.5M. */
const short = (value: number): string =>
  value >= 1e6 ? `${number(value / 1e6, 2)}M` : value >= 1e4 ? `${number(value / 1e3)}k` : value.toLocaleString('en')

/** A row of two panels for each model: images a second, and memory. */
const growthFigure = (
  about: { readonly id: string; readonly title: string; readonly of: string },
  rows: readonly { readonly model: string; readonly speed: readonly Series[]; readonly memory: readonly Series[] }[],
  theme: Theme,
): Figure => {
  const [palette, colours] = [paletteOf(theme), seriesColours(theme)]
  const words = rows[0]?.speed.map((series) => series.words) ?? []
  const key = legend(
    words.map((each, n) => ({ words: each, colour: colours[n] ?? palette.ink, mark: 'circle', dash: '' })),
    width,
    palette,
  )
  const wide = width / 2
  const content = rows.map(({ model, speed, memory }, n) =>
    element(
      'g',
      { transform: `translate(0 ${key.height + 8 + n * 172})` },
      panel(`${model}: images/s by ${about.of}`, speed, { left: 0, wide, palette, colours }) +
        panel(`${model}: peak memory, MB`, memory, { left: wide, wide, palette, colours }),
    ),
  )
  const alt = rows
    .flatMap(({ model, speed }) =>
      speed.map(({ words, points }) => {
        const told = points.map(([x, y]) => `${number(y)} at ${x.toLocaleString('en')}`)
        return `${model}, ${words}: ${told.join(', ')}`
      }),
    )
    .join('; ')
  const height = key.height + 8 + rows.length * 172
  return figureOf({ ...about, alt, content: key.content + content.join(''), width, height }, { theme })
}

/** Speed and memory by the size of a batch; undefined where it was not measured. */
const batchesFigure = ({ batches, images }: BenchResult, theme: Theme): Figure | undefined => {
  if (!batches) return undefined
  const models = [...new Set(batches.entries.map(({ model }) => model))]
  const rows = models.map((model) => {
    const entries = batches.entries.filter((entry) => entry.model === model)
    const sides = entries[0]?.sides ?? []
    const series = (value: (side: { secondsPerEpoch: readonly number[]; peakBytes: number }) => number): Series[] =>
      sides.map(({ id, title }) => ({
        words: title,
        points: entries.flatMap(({ batchSize, sides }) => {
          const side = sides.find((each) => each.id === id)
          return side?.secondsPerEpoch ? [[batchSize, value(side)] as const] : []
        }),
      }))
    return {
      model,
      speed: series(({ secondsPerEpoch }) => images / median(secondsPerEpoch)),
      memory: series(({ peakBytes }) => peakBytes / 1e6),
    }
  })
  return growthFigure({ id: 'batches', title: 'The size of a batch', of: 'batch size' }, rows, theme)
}

/** Speed and memory by the number of images; undefined where it was not measured. */
const sizesFigure = ({ sizes }: BenchResult, theme: Theme): Figure | undefined => {
  if (!sizes) return undefined
  const { entries } = sizes
  const models = [...new Set(entries.map(({ model }) => model))]
  const series = (value: (entry: (typeof entries)[number]) => number): Series[] =>
    models.map((model) => ({
      words: model,
      points: entries.filter((entry) => entry.model === model).map((entry) => [entry.images, value(entry)] as const),
    }))
  const row = {
    model: 'digitlab wasm',
    speed: series(({ imagesPerSecond }) => median(imagesPerSecond)),
    memory: series(({ peakBytes }) => peakBytes / 1e6),
  }
  return growthFigure({ id: 'sizes', title: 'The size of the data set', of: 'number of images' }, [row], theme)
}

/** The files of all figures of a result, by their names. */
export const figureFiles = (result: BenchResult): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (['light', 'dark'] as const).flatMap((theme) =>
      [ratioFigure(result, theme), batchesFigure(result, theme), sizesFigure(result, theme)].flatMap((figure) =>
        figure ? [[`${figure.id}-${theme}.svg`, `${figure.svg}\n`] as const] : [],
      ),
    ),
  )
