import { basename, join } from 'node:path'
import type { Dataset, ImageShape } from '@digitlab/data'
import type { StateDict } from '@digitlab/models'
import type { DrawnImages, ReportInput, RunPredictions } from '@digitlab/report'
import { isMendable } from '@digitlab/train/experiment'
import { isDataOf, predictionsFile, type Run, type RunResult } from '@digitlab/train/run'
import { isNamedDataset } from './dataset-place'
import { load } from './load'
import { warn } from './output'
import { UsageError } from './usage-error'
import { readPredictionsFile } from './predictions-file'
import { folderOfRun, readRun } from './run-folder'

interface Parts {
  /** Where the run lies. */
  readonly folder: string
  readonly run: Run
  readonly weights: StateDict
  readonly predictions?: RunPredictions | undefined
  readonly data?: Dataset | undefined
  readonly missing?: readonly string[]
}

/** The size of images as figures take it. */
export const drawnSize = ([height, width, channels]: ImageShape): Omit<DrawnImages, 'pixels'> => ({
  height,
  width,
  ...(channels ? { channels } : {}),
})

/** All that a report draws, of a run and of what it was trained on. */
const reportInput = async ({ folder, run, weights, predictions, data, missing = [] }: Parts): Promise<ReportInput> => {
  const { figureSources } = await import('@digitlab/train')
  const sources = figureSources(run, weights, data)
  return {
    ...sources,
    run: withoutPlaces(run),
    ...againOf(folder, run),
    ...(predictions ? { predictions } : {}),
    ...(data ? { images: { ...drawnSize(data.imageShape), pixels: data.test.images } } : {}),
    missing: [...missing, ...sources.missing],
  }
}

/** The command that makes a run again; one that began with given weights needs those too, which nobody has written down. */
const againOf = (folder: string, { experiment, backend }: Run): Pick<ReportInput, 'again'> => {
  if (experiment.initial) return {}
  const file = join(basename(folder), 'run.json')
  const word = /^[\w./-]+$/.test(file) ? file : JSON.stringify(file)
  return { again: `digitlab train --experiment ${word} --backend ${backend.id}` }
}

/** What the model said of the test images, as a report takes it. */
export const predictionsOf = (data: Dataset, { before, after }: RunResult['predictions']): RunPredictions => ({
  labels: data.test.labels,
  before: before.classes,
  after: after.classes,
  probabilities: after.probabilities,
})

/** What a report draws of a run that has just ended. */
export const inputOfResult = (
  folder: string,
  { run, weights, predictions }: RunResult,
  data: Dataset,
): Promise<ReportInput> => reportInput({ folder, run, weights, data, predictions: predictionsOf(data, predictions) })

/** An error that a report can do without what it is about; any other is thrown. */
const mendable = (error: unknown): Error => {
  if (isMendable(error)) return error
  throw error
}

/** Why a data set can't be the one of a run; undefined if it is. */
const differs = (run: Run, data: Dataset): string | undefined =>
  isDataOf(run, data) ? undefined : 'the data set at hand is not the one that the run was trained on: the files differ'

/** Where the images of runs are looked for. */
export interface ImagePlaces {
  /** What --data-dir says. */
  readonly dataDir?: string | undefined
  /** The runs are this process's own: the folder that one names as its data set is read. Of somebody else's it is never. */
  readonly ownRuns?: boolean
}

/** The data set that a run was trained on. @throws UsageError if the run names a folder, and nobody else does */
const dataOf = async (
  { experiment: { dataset } }: Run,
  { dataDir, ownRuns = false }: ImagePlaces,
): Promise<Dataset> => {
  if (ownRuns || dataDir !== undefined || isNamedDataset(dataset)) return load(dataset, dataDir)
  throw new UsageError('it was trained on a folder of files, which is only read where --data-dir names it')
}

/** What a page may say of a run: not where something lay on a machine. */
export const withoutPlaces = (run: Run): Run =>
  isNamedDataset(run.experiment.dataset) && !run.dataset.origin.startsWith('the folder ')
    ? run
    : { ...run, dataset: { ...run.dataset, origin: 'a folder of files' } }

/**
 * Reads runs for a report, each with its predictions and its data set if they are available; what is missing is said in
 * the report, and why on standard error. A data set that several runs share is loaded once.
 */
export const readReportInputs = async (paths: readonly string[], places: ImagePlaces): Promise<ReportInput[]> => {
  const loaded = new Map<string, Dataset | Error>()
  const inputs: ReportInput[] = []
  for (const path of paths) {
    const folder = await folderOfRun(path)
    const { run, weights } = await readRun(path)
    const predictions = await readPredictionsFile(join(folder, predictionsFile), run)
    const { dataset } = run.experiment
    if (!loaded.has(dataset)) loaded.set(dataset, await dataOf(run, places).catch(mendable))
    const found = loaded.get(dataset)
    const difference = found instanceof Error ? found.message : found && differs(run, found)
    if (difference !== undefined) warn(`${path}: no images: ${difference}`)
    if (!predictions) warn(`${path}: ${noPredictions}`)
    inputs.push(
      await reportInput({
        folder,
        run,
        weights,
        predictions,
        data: difference === undefined ? (found as Dataset) : undefined,
        missing: [
          ...(predictions ? [] : [noPredictions]),
          ...(difference === undefined ? [] : ['no images: the data set was not available']),
        ],
      }),
    )
  }
  return inputs
}

const noPredictions = `the run has no ${predictionsFile}: train again for the figures that need it`
