// What a bench of the nets says, as Markdown.
import { modelNames } from '@digitlab/models'
import { spreadOf } from '@digitlab/sweep'
import { recipeOf } from '@digitlab/train/experiment'
import { median, spread } from './measure'
import type { RecipeTurns } from './recipe-sides'
import { number, range, speedup, table } from './tables'

/** What was measured when and where. */
export interface Conditions {
  readonly date: string
  readonly commit: string
  readonly processor: string
  readonly cores: number
  readonly node: string
  readonly torch: string | null
}

/** What is known of a net; accuracies are shares, by seed, and seconds those of an epoch, by side and round. */
export interface NetFigures {
  readonly parameters: number
  readonly epochs: number
  readonly seeds?: readonly number[]
  readonly accuracies?: readonly number[]
  readonly seconds?: Readonly<Record<string, readonly number[]>>
  /** Trained on in an epoch that was timed. */
  readonly images?: number
  readonly failed?: Readonly<Record<string, string>>
  readonly timed?: Conditions
}

/** All of it, as it is kept in JSON. */
export interface NetsResult {
  readonly nets: Readonly<Record<string, NetFigures>>
  readonly sprint?: { readonly turns: RecipeTurns['turns']; readonly measured: Conditions }
}

const percent = (share: number) => (100 * share).toFixed(2)

/** '99.62 % (99.58 - 99.66, 5 seeds)': the mean and its 95 % interval. */
const accuracyOf = ({ accuracies }: Pick<NetFigures, 'accuracies'>): string => {
  const found = accuracies && spreadOf(accuracies)
  if (!found) return '-'
  const { n, mean, interval } = found
  const seeds = `${n} ${n === 1 ? 'seed' : 'seeds'}`
  return interval
    ? `${percent(mean)} % (${percent(interval[0])} - ${percent(Math.min(1, interval[1]))}, ${seeds})`
    : `${percent(mean)} % (${seeds})`
}

const secondsOf = (values: readonly number[] = []) => (values.length > 0 ? number(median(values), 2) : '-')

const inWords = ({ processor, cores, node, torch, date, commit }: Conditions) =>
  `${processor}, ${cores} cores, Node ${node}, PyTorch ${torch}, ${date}, commit ${commit}`

/** Every net, and what `sprint` needs. */
export const netsTable = ({ nets, sprint }: NetsResult): string => {
  const rows = modelNames.flatMap((model) => {
    const net = nets[model]
    if (!net) return []
    const { wasm = [], torch = [] } = net.seconds ?? {}
    const both = wasm.length > 0 && torch.length > 0
    return [
      [
        model,
        net.parameters.toLocaleString('en'),
        net.epochs,
        accuracyOf(net),
        secondsOf(wasm),
        secondsOf(torch),
        both ? range(speedup(wasm, torch), 2) : '-',
      ],
    ]
  })
  const handed = modelNames.some((model) => recipeOf(model).augment && nets[model]?.seconds?.['torch']?.length)
  const augmented = handed
    ? '; where the recipe augments them PyTorch is handed the same images ready-made, and the seconds of wasm include making them'
    : ''
  const columns = [
    'model',
    'parameters',
    'epochs',
    'test images right',
    's an epoch, wasm',
    's, PyTorch',
    'times as fast',
  ]
  const timed = Object.values(nets).flatMap((net) => (net.timed ? [inWords(net.timed)] : []))
  return [
    table(columns, rows),
    `Each trained on MNIST as \`digitlab train --model <name>\` does. Accuracies are the mean of the runs with its 95 % interval by Student's t; a net that sets images aside for validation chooses its epoch by them alone. Seconds are the median of epochs that took turns with PyTorch's, with the same recipe and its images resident, both with all cores${augmented} (${[...new Set(timed)].join('; ') || 'not timed'}).`,
    ...(sprint ? [timeTo(sprint)] : []),
  ].join('\n\n')
}

const timeTo = ({ turns, measured }: NonNullable<NetsResult['sprint']>): string => {
  const row = (title: string, runs: RecipeTurns['turns'][string] = []) => {
    const [seconds, accuracies] = [runs.map((run) => run.seconds), runs.map((run) => run.accuracy)]
    if (runs.length === 0) return [title, '-', '-', '-']
    const reached = accuracies.filter((accuracy) => accuracy >= 0.99).length
    return [title, range(spread(seconds)), accuracyOf({ accuracies }), `${reached} of ${runs.length}`]
  }
  return [
    '**Time to 99 %**: `sprint`, one epoch by its recipe, whole runs without their evaluation, in turns.',
    table(
      ['', 's, median (least - most)', 'test images right', 'runs that reach 99 %'],
      [row('digitlab wasm', turns['wasm']), row('PyTorch, the same recipe', turns['torch'])],
    ),
    `Measured on ${inWords(measured)}.`,
  ].join('\n\n')
}
