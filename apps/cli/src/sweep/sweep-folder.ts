// A sweep's folder: sweep.json says what is to be run, runs/<name> holds each run. There is nothing else to ask.
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expandPlan, planDifferences, type Json, type Settings, type SweepPlan } from '@digitlab/sweep'
import type { CheckpointInterval } from '@digitlab/train'
import {
  completeExperiment,
  experimentId,
  type Experiment,
  type ExperimentInput,
  withRecipe,
} from '@digitlab/train/experiment'
import { writeNew } from '../atomic-file'
import { checkNamed, unwritable } from '../new-files'
import { folderName } from '../new-folder'
import { modelOf } from '../options'
import { UsageError } from '../usage-error'

/** How every run of a sweep is computed. */
interface SweepConditions {
  /** 'auto' where each worker chooses for itself. */
  readonly backend: string
  readonly tf32?: boolean
  readonly dataDir?: string
  readonly checkpointEvery: CheckpointInterval
  /** Threads of each run. */
  readonly threads: number
}

/** One run of a sweep. */
export interface SweepRun {
  /** The name of its folder. */
  readonly name: string
  /** The experiment's id. */
  readonly id: string
  readonly experiment: Experiment
}

/** sweep.json. */
export interface Sweep {
  readonly format: 'digitlab-sweep'
  readonly version: 1
  readonly plan: SweepPlan
  readonly conditions: SweepConditions
  /** Where paths in the experiments begin. */
  readonly from: string
  /** In the order in which they are begun. */
  readonly runs: readonly SweepRun[]
}

const sweepFile = 'sweep.json'
/** Lies in the folder while the sweep is to stand still. */
export const cancelledFile = 'cancelled'

export const runFolder = (folder: string, { name }: Pick<SweepRun, 'name'>): string => join(folder, 'runs', name)

export const logFolder = (folder: string): string => join(folder, 'logs')

/** The experiment of given settings; a model may be a file with a definition. */
const experimentOf = (settings: Settings, dataset: string): Experiment => {
  const { model } = settings
  if (model === undefined) throw new UsageError('a run of the sweep has no model: name models')
  const named = typeof model === 'string' ? modelOf(model) : model
  const input = { dataset, ...settings, model: named } as unknown as ExperimentInput // checked by what completes it
  if (input.initial !== undefined)
    throw new UsageError('runs of a sweep begin with the weights that their seeds draw: leave "initial" out')
  return completeExperiment(withRecipe(input))
}

/**
 * The runs of a plan, each with its experiment. Two that come to the same experiment are one run.
 *
 * @param dataset of runs that name none
 * @throws SweepError, TrainError or ModelError naming what is wrong
 */
export const runsOf = async (plan: SweepPlan, dataset: string): Promise<readonly SweepRun[]> => {
  const runs = new Map<string, SweepRun>()
  for (const settings of expandPlan(plan)) {
    const experiment = experimentOf(settings, dataset)
    const id = await experimentId(experiment)
    const model = typeof experiment.model === 'string' ? experiment.model : experiment.model.name
    const name = `${folderName(model)}-seed${experiment.seed}-${id.slice(0, 12)}`
    runs.set(id, { name, id, experiment })
  }
  return [...runs.values()]
}

/**
 * Reads a sweep.
 *
 * @returns undefined if there is none in the folder
 * @throws UsageError if sweep.json is none
 */
const readSweep = async (folder: string): Promise<Sweep | undefined> => {
  const path = join(folder, sweepFile)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw new UsageError(`could not read ${path} (${error.message})`, { cause: error })
  })
  if (text === undefined) return undefined
  try {
    const sweep = JSON.parse(text) as Partial<Sweep> | null
    if (sweep?.format === 'digitlab-sweep' && sweep.version === 1 && Array.isArray(sweep.runs)) return sweep as Sweep
  } catch {
    // told below
  }
  throw new UsageError(
    `${path} was not written by this version of "digitlab sweep", or was changed: start the sweep in another folder`,
  )
}

/** As {@link readSweep}. @throws UsageError if there is none */
export const openSweep = async (folder: string): Promise<Sweep> => {
  const sweep = await readSweep(folder)
  if (!sweep)
    throw new UsageError(
      `${folder} holds no sweep, there is no ${sweepFile} in it: give the folder that "digitlab sweep" was given as --out`,
    )
  return sweep
}

/** One header, and a run a line. */
const sweepText = ({ runs, ...head }: Sweep): string =>
  `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "runs": [\n${runs.map((run) => `    ${JSON.stringify(run)}`).join(',\n')}\n  ]\n}\n`

/**
 * Writes a new sweep, or finds the same one there: of two that come at once one writes it, and the other uses that.
 *
 * @returns the sweep in the folder, and whether it was there before
 * @throws UsageError if another sweep, or anything else, is in the folder
 */
export const settleSweep = async (folder: string, wanted: Sweep): Promise<{ sweep: Sweep; found: boolean }> => {
  checkNamed(folder)
  const found = await readSweep(folder)
  if (found) {
    refuseOther(folder, found, wanted)
    return { sweep: found, found: true }
  }
  if (existsSync(join(folder, 'run.json')) || existsSync(join(folder, 'checkpoint')))
    throw new UsageError(`${folder} holds a run, and no sweep: name another --out`)
  try {
    await mkdir(join(resolve(folder), 'runs'), { recursive: true })
    await writeNew(join(folder, sweepFile), sweepText(wanted))
    return { sweep: wanted, found: false }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(folder, cause)
  }
  const theirs = await openSweep(folder) // somebody was faster
  refuseOther(folder, theirs, wanted)
  return { sweep: theirs, found: true }
}

const refuseOther = (folder: string, there: Sweep, here: Sweep): void => {
  const asked = (sweep: Sweep, { backend }: SweepConditions) => {
    // Where one of them leaves the backend open, the other may have settled it.
    const either = sweep.conditions.backend === 'auto' || backend === 'auto' ? 'auto' : sweep.conditions.backend
    return { ...sweep.plan, ...sweep.conditions, backend: either } as unknown as Json
  }
  const differences = planDifferences(asked(here, there.conditions), asked(there, here.conditions))
  // The plans may be one, and what they mean another: a model's file was changed since, or a default of another version.
  if (differences.length === 0 && there.runs.map(({ id }) => id).join() !== here.runs.map(({ id }) => id).join())
    differences.push(
      'the same plan meant other experiments when it was begun (a model was changed since, or this is another version of digitlab)',
    )
  if (differences.length === 0) return
  throw new UsageError(
    `${folder} holds another sweep: ${differences.slice(0, 6).join('; ')}${differences.length > 6 ? ' ...' : ''}; name another --out, or give the plan of that one`,
  )
}
