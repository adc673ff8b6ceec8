import { Validator, type Schema } from '@cfworker/json-schema'
import schema from '../schema/run-1.schema.json'
import { shownValue } from '@digitlab/models'
import { checkRun } from './check-run'
import { recordedExperiment } from './complete-experiment'
import { TrainError } from './train-error'
import { runVersion, type Run } from './run-record'
import { shownText } from './shown-text'

/**
 * Reads the text of a run.json of this version; `schema/run-1.schema.json` describes it. JSON has no NaN: a loss that was no
 * number is null there, and NaN again in the run.
 *
 * @param name what to call it in an error
 * @throws TrainError if it is not a run, of another version, cut or changed, its numbers contradict each other, or its experiment is
 * none; ModelError if the experiment's model is none
 */
export const parseRun = (text: string, name = 'run.json'): Run => {
  let run: Partial<Record<keyof Run, unknown>>
  try {
    run = JSON.parse(text) as typeof run
  } catch (cause) {
    throw new TrainError(
      `${name} is not JSON (${shownText((cause as Error).message)}): give a run's folder or its run.json`,
      {
        cause,
      },
    )
  }
  if (typeof run !== 'object' || run === null || run.format !== 'digitlab-run')
    throw new TrainError(
      `${name} is not a run of digitlab: expected the format "digitlab-run", found ${run?.format === undefined ? 'none' : shownValue(run.format)}`,
    )
  if (run.version !== runVersion)
    throw new TrainError(
      `${name} has version ${shownValue(run.version)}, this digitlab reads version ${runVersion}: use the one that wrote it`,
    )
  const { errors } = new Validator(schema as Schema, '2020-12').validate(run)
  const deepest = errors.at(-1)
  if (deepest)
    throw new TrainError(
      `${name} was cut or changed (${shownText(deepest.instanceLocation)}: ${shownText(deepest.error)}): train again`,
    )
  const found = withNaN(run as unknown as Written) // the schema saw its form
  const read: Run = { ...found, experiment: recordedExperiment(found.experiment) }
  checkRun(read, name)
  return read
}

type Loss = number | null

/** A run as JSON holds it. */
type Written = Omit<Run, 'history' | 'metrics'> & {
  readonly history: {
    readonly stepLosses: readonly Loss[]
    readonly epochs: readonly (Omit<Run['history']['epochs'][number], 'trainLoss' | 'testLoss' | 'validationLoss'> & {
      readonly trainLoss: Loss
      readonly testLoss?: Loss
      readonly validationLoss?: Loss
    })[]
  }
  readonly metrics: Omit<Run['metrics'], 'meanLoss'> & { readonly meanLoss: Loss }
}

const withNaN = (run: Written): Run => ({
  ...run,
  history: {
    ...run.history,
    stepLosses: run.history.stepLosses.map((loss) => loss ?? NaN),
    epochs: run.history.epochs.map(({ testLoss, validationLoss, ...epoch }) => ({
      ...epoch,
      trainLoss: epoch.trainLoss ?? NaN,
      ...(testLoss === undefined ? {} : { testLoss: testLoss ?? NaN }),
      ...(validationLoss === undefined ? {} : { validationLoss: validationLoss ?? NaN }),
    })),
  },
  metrics: { ...run.metrics, meanLoss: run.metrics.meanLoss ?? NaN },
})
