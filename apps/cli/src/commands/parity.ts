import { readFileSync } from 'node:fs'
import type { Backend } from '@digitlab/backends'
import { textTable, type Column } from '@digitlab/report'
import {
  completeExperiment,
  parityChecks,
  parseReferenceTrace,
  recipeOf,
  runParity,
  type Parity,
  type ParityCell,
  type ParityCheck,
  type Progress,
  type ReferenceTrace,
} from '@digitlab/train'
import { type Command, Option } from 'commander'
import { backends, type GpuFlags } from '../backends'
import type { ChoiceFlags } from '../choices'
import { interruptible } from '../interrupt'
import { checkPlace } from '../dataset-place'
import { checkGpuFlags, chooseEach, load } from '../load'
import {
  addTraining,
  checkOptions,
  countingNumber,
  listOf,
  modelOf,
  refuseBeside,
  shared,
  trainingAttributes,
  trainingOf,
} from '../options'
import { note, resultWidth, writeResult } from '../output'
import { progressLine } from '../progress-line'
import { UsageError } from '../usage-error'
import { outlined } from './outline'

interface Flags extends ChoiceFlags {
  readonly model: string
  readonly dataset: string
  readonly dataDir?: string
  readonly backends: readonly string[]
  readonly device?: number
  readonly tf32?: boolean
  readonly seed: number
  readonly epochs: number
  readonly steps?: number
  readonly recipe: boolean
  readonly reference?: string
  readonly json?: boolean
}

export const parityCommand = (): Command =>
  addTraining(
    outlined('parity')
      .addOption(shared.model().default('two-layer'))
      .addOption(shared.dataset('auto'))
      .addOption(shared.dataDir())
      .addOption(
        new Option('--backends <list>', 'all that are available, or comma-separated ids')
          .argParser(listOf(String))
          .default(['all'], 'all'),
      )
      .addOption(shared.device())
      .addOption(shared.tf32())
      .addOption(shared.seed())
      .addOption(
        new Option(
          '--steps <n>',
          `end each run after n steps and test 1,000 images at most (default: whole epochs; ${shortSteps} steps for a model with a recipe and no --epochs)`,
        ).argParser(countingNumber),
      )
      .option(
        '--reference <file>',
        'a PyTorch run, written by tooling/reference/trace.py: repeat its experiment and compare with it',
      )
      .addOption(shared.json()),
    { epochs: 1 },
  ).action(parity)

/** As many as are compared. */
const shortSteps = 100

/** After how many steps the runs end: nobody waits minutes for an accuracy that nothing is compared with, or that they did not ask for. */
const stepsOf = (
  { steps, model }: Pick<Flags, 'steps' | 'model'>,
  reference: ReferenceTrace | undefined,
  command: Command,
): number | undefined => {
  if (steps !== undefined || command.getOptionValueSource('epochs') === 'cli') return steps
  const short = reference ? reference.testAccuracy.length === 0 : Object.keys(recipeOf(model)).length > 0
  return short ? shortSteps : undefined
}

const parity = async (flags: Flags, command: Command): Promise<void> => {
  const reference = flags.reference === undefined ? undefined : readReference(flags.reference)
  if (reference)
    refuseBeside(command, '--reference', [
      'model',
      'dataset',
      'seed',
      ...trainingAttributes.filter((name) => name !== 'epochs'),
    ])
  checkPlace(flags)
  checkGpuFlags(flags, flags.backends)
  const { seed, epochs } = flags
  const model = modelOf(flags.model)
  const settings = reference
    ? { ...reference.experiment, epochs }
    : { model, seed, ...trainingOf(model, flags, command), epochs }
  const steps = stepsOf(flags, reference, command)
  checkOptions(() => completeExperiment(settings)) // a wrong value is told before anything is loaded
  const wanted = reference ? 'mnist' : flags.dataset

  const result = await interruptible('stopping after this step ...', async (signal) => {
    const chosen = await chooseAll(flags.backends, flags)
    const data = await load(wanted, flags.dataDir, { signal })
    const experiment = completeExperiment({ ...settings, dataset: wanted === 'auto' ? data.name : wanted })
    const lines = new Map(
      chosen.map(({ id }): [string, (progress: Progress) => void] => [id, progressLine(`parity on ${id}`, epochs, 0)]),
    )
    return runParity(experiment, {
      data,
      backends: chosen,
      signal,
      onProgress: (id, progress) => lines.get(id)?.(progress),
      onStage: (sentence) => note(`  ${sentence} ...`),
      ...(reference ? { reference } : {}),
      ...(steps === undefined ? {} : { steps }),
    })
  })
  writeResult(
    flags.json ?? false,
    () => ({ ...result, torch: reference?.torch ?? null }),
    () => parityText(result),
  )
  if (!result.passed)
    throw new UsageError(`a difference is larger than its tolerance: see the table${tipped(result) ? `; ${tips}` : ''}`)
}

/** What is known of such differences: `tolerances` in @digitlab/train. */
const tips =
  'the runs begin alike and only PyTorch goes another way, as for some seeds its own runs on one thread and on two do: compare with a reference of another number of threads too (trace.py --threads)'

/** Whether it looks as if a unit tipped: PyTorch's run alone is too far away, and not from the first step. */
const tipped = ({ pairs }: Parity): boolean =>
  pairs
    .filter(({ checks }) => Object.values(checks).some(({ passed }) => !passed))
    .every(({ sides, checks }) => sides.includes('PyTorch') && checks.firstLoss?.passed)

const chooseAll = async (wanted: readonly string[], gpu: GpuFlags): Promise<readonly Backend[]> => {
  if (!wanted.includes('all')) return chooseEach(wanted, gpu)
  const usable: Backend[] = []
  for (const backend of backends(gpu)) {
    const probe = await backend.probe()
    if (probe.usable) usable.push(backend)
    else note(`  ${backend.id} is not available: ${probe.reason}; ${probe.remedy}`)
  }
  checkGpuFlags(
    gpu,
    usable.map(({ id }) => id),
    'can be used here',
  )
  return usable
}

const readReference = (path: string): ReferenceTrace => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new UsageError(`could not read the reference ${path}: ${(cause as Error).message}`, { cause })
  }
  return parseReferenceTrace(text, path)
}

const parityText = ({ experiment, steps, pairs, rounding, passed, id }: Parity): string => {
  const model = typeof experiment.model === 'string' ? experiment.model : experiment.model.name
  const title = `${model} on ${experiment.dataset}, seed ${experiment.seed}, ${steps === undefined ? `epochs ${experiment.epochs}` : `the first ${steps} steps`}, experiment ${id.slice(0, 8)}`
  const checks = (Object.keys(parityChecks) as ParityCheck[]).filter((check) =>
    pairs.some((pair) => pair.checks[check]),
  )
  const headings = [...pairs.map(({ sides }) => sides.join(' - ')), 'tolerance']
  const columns: Column[] = [
    { heading: 'largest difference', align: 'left' },
    ...headings.map((heading): Column => ({ heading, align: 'right' })),
  ]
  const rows = checks.map((check) => {
    const cells = pairs.map((pair) => pair.checks[check])
    const least = cells.reduce((least, cell) => Math.min(least, cell?.tolerance ?? Infinity), Infinity)
    const own = cells.find((cell) => cell?.tolerance === least)
    return [
      parityChecks[check],
      ...cells.map((cell) => {
        if (!cell) return '-'
        const allowed = cell.tolerance === least ? '' : ` of ${toleranceText(cell)}`
        return `${cell.difference.toExponential(1)}${allowed} ${cell.passed ? 'pass' : 'FAIL'}`
      }),
      own ? toleranceText(own) : '-',
    ]
  })
  const cells = pairs.flatMap(({ checks }) => Object.values(checks))
  const notes = [
    ...(steps === undefined
      ? []
      : [
          `each run ended after ${steps} steps, its accuracy is that of at most 1,000 test images; --epochs trains whole epochs`,
        ]),
    ...(rounding && cells.some(({ from }) => from === 'rounding')
      ? [
          `${marks.rounding} ten times what one rounding makes of this net: with every initial weight moved to the next float32, the losses on ${rounding.backend} change by up to ${rounding.losses.toExponential(1)}`,
        ]
      : []),
    ...(cells.some(({ from }) => from === 'trace')
      ? [`${marks.trace} ten times as far as PyTorch is from its own run on one thread, and at least 1e-5`]
      : []),
  ]
  return [
    title,
    '',
    textTable(columns, rows, { width: resultWidth() }),
    '',
    ...(notes.length > 0 ? [...notes, ''] : []),
    passed ? 'parity holds' : 'parity does NOT hold',
  ].join('\n')
}

/** Where a tolerance comes from that is not the same for every net. */
const marks = { rounding: '*', trace: '+' } as const

const toleranceText = ({ tolerance, from }: ParityCell): string =>
  `${tolerance.toExponential(0)}${from ? ` ${marks[from]}` : ''}`
