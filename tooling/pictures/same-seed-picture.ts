// Our losses on top of PyTorch's with the same seed, and how far they lie apart.
import { axisX, axisY, gridY, lineY, ruleY } from '@observablehq/plot'
import { chart } from '../../packages/report/src/chart'
import { palettes, seriesColours } from '../../packages/report/src/theme'
import { countingTicks } from '../../packages/report/src/ticks'
import type { Look } from './look'
import { sideBySide } from './side-by-side'
import type { Study } from './study'

/** What is drawn of a run of PyTorch. */
export interface Trace {
  readonly model: string
  readonly seed: number
  readonly torch: string
  readonly first200Losses: readonly number[]
}

interface Pair {
  readonly model: string
  readonly torch: readonly number[]
  readonly ours: readonly number[]
}

/** The losses of the study beside PyTorch's of the same model and seed. @throws Error where one has no trace */
const pairsOf = (study: Study, traces: readonly Trace[]): Pair[] =>
  study.runs.map(({ run }) => {
    const { name } = run.model
    const trace = traces.find(({ model, seed }) => model === name && seed === run.experiment.seed)
    if (!trace) throw new Error(`expected a trace of PyTorch for ${name} with seed ${run.experiment.seed}`)
    return { model: name, torch: trace.first200Losses, ours: run.history.stepLosses.map((loss) => loss ?? NaN) }
  })

/** The largest difference of two losses at the same step. */
export const largestDifference = (study: Study, traces: readonly Trace[]): number =>
  Math.max(
    ...pairsOf(study, traces).flatMap(({ torch, ours }) => torch.map((loss, i) => Math.abs(loss - (ours[i] ?? NaN)))),
  )

const raised = ['', '', '⁻²', '', '⁻⁴', '', '⁻⁶', '', '⁻⁸']
const powerOfTen = (value: number): string => (value === 1 ? '1' : `10${raised[Math.round(-Math.log10(value))] ?? ''}`)

export const sameSeedPicture = (study: Study, traces: readonly Trace[], { theme, narrow }: Look): string => {
  const pairs = pairsOf(study, traces)
  const [width, steps] = [narrow ? 356 : 432, Math.max(...pairs.map(({ torch }) => torch.length))]
  const { paper, muted, faint, ink } = palettes[theme]
  const colours = seriesColours(theme)
  const colourOf = (n: number) => colours[n % colours.length] ?? ink
  const stepAxis = axisX([1, ...countingTicks(steps, width / 90).filter((step) => step > 1)], {
    color: muted,
    label: 'step',
    labelArrow: 'none',
    labelAnchor: 'center',
  })
  const most = largestDifference(study, traces)
  const losses = chart(
    {
      id: 'same-seed',
      title: 'Training loss, seed 0: digitlab on top of PyTorch',
      alt: '',
      legend: () => [
        ...pairs.map(({ model }, n) => ({ words: model, colour: colourOf(n), mark: 'line' as const, dash: '' })),
        { words: 'PyTorch (wide line)', colour: muted, mark: 'band' as const },
      ],
      options: () => ({
        height: 290,
        marginLeft: 40,
        marginRight: 12,
        x: { domain: [1, steps] },
        y: { domain: [0, 2.6] },
        marks: [
          gridY([0, 0.5, 1, 1.5, 2, 2.5], { stroke: faint, strokeOpacity: 1 }),
          axisY([0, 0.5, 1, 1.5, 2, 2.5], { color: muted, label: 'loss in nats', labelArrow: 'none', tickSize: 0 }),
          stepAxis,
          ...pairs.map(({ torch }, n) =>
            lineY(torch, {
              x: (_: number, i: number) => i + 1,
              stroke: colourOf(n),
              strokeWidth: 5.5,
              strokeOpacity: 0.35,
            }),
          ),
          ...pairs.map(({ ours }, n) =>
            lineY(ours, { x: (_: number, i: number) => i + 1, stroke: colourOf(n), strokeWidth: 1.3 }),
          ),
        ],
      }),
    },
    { width, theme },
  )
  /** Half of the gap between neighbouring floats just above 1. */
  const precision = 2 ** -24
  const differences = chart(
    {
      id: 'difference',
      title: 'How far apart the two losses are',
      alt: '',
      legend: () => [
        ...pairs.map(({ model }, n) => ({ words: model, colour: colourOf(n), mark: 'line' as const, dash: '' })),
        { words: 'precision of float32', colour: muted, mark: 'line' as const, dash: '4 3' },
      ],
      options: () => ({
        height: 290,
        marginLeft: 50,
        marginRight: 12,
        x: { domain: [1, steps] },
        y: { type: 'log', domain: [1e-8, 1] },
        marks: [
          gridY([1e-8, 1e-6, 1e-4, 1e-2, 1], { stroke: faint, strokeOpacity: 1 }),
          axisY([1e-8, 1e-6, 1e-4, 1e-2, 1], {
            color: muted,
            label: 'difference in nats (log)',
            labelArrow: 'none',
            tickSize: 0,
            tickFormat: powerOfTen,
          }),
          stepAxis,
          ruleY([precision], { stroke: muted, strokeDasharray: '4 3' }),
          ...pairs.map(({ torch, ours }, n) =>
            lineY(
              torch.map((loss, i) => Math.max(1e-8, Math.abs(loss - (ours[i] ?? NaN)))),
              { x: (_: number, i: number) => i + 1, stroke: colourOf(n), strokeWidth: 1.2 },
            ),
          ),
        ],
      }),
    },
    { width, theme },
  )
  const alt = `The first ${steps} training losses of ${pairs.map(({ model }) => model).join(', ')} with seed 0 lie on PyTorch's: the largest difference is ${most.toExponential(1)}.`
  const place = narrow ? { x: 0, y: losses.height } : { x: losses.width, y: 0 }
  return sideBySide(
    [
      { figure: losses, x: 0, y: 0 },
      { figure: differences, ...place },
    ],
    paper,
    alt,
  )
}
