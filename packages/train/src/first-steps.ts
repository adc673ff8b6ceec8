import { imagesOf, type Dataset } from '@digitlab/data'
import type { Experiment } from './complete-experiment'
import { runExperiment } from './run-experiment'
import type { RunOptions, RunResult } from './run-options'
import { TrainError } from './train-error'

/** A run, or the beginning of one. */
interface FirstSteps extends RunOptions {
  /** How many of the test images are looked at where it ends early. */
  readonly tested: number
}

/**
 * A run, to its end or over its first steps.
 *
 * @throws TrainError where it was stopped before
 */
export const firstSteps = async (experiment: Experiment, { tested, ...options }: FirstSteps): Promise<RunResult> => {
  const { steps = Infinity } = options
  const data = steps === Infinity ? options.data : withTestImages(options.data, tested)
  const result = await runExperiment(experiment, { ...options, data })
  const { status, history } = result.run
  if (status === 'interrupted' && history.stepLosses.length < steps) throw stoppedEarly()
  return result
}

export const stoppedEarly = (): TrainError =>
  new TrainError('parity compares whole runs, and this one was stopped: run it again')

/** With the first of the test images alone. */
const withTestImages = (data: Dataset, most: number): Dataset => {
  const { test, imageShape } = data
  if (test.count <= most) return data
  const images = imagesOf(
    test,
    imageShape,
    Array.from({ length: most }, (_, i) => i),
  )
  return { ...data, test: { images, labels: test.labels.slice(0, most), count: most } }
}
