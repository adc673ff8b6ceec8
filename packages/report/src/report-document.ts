import { calibration, confidentMistakes, type Calibration, type Mistake } from './calibration'
import { comparedPairs, runLabels, type ComparedPair } from './compared-runs'
import type { DrawnRun, ReportInput } from './drawn-run'
import { classificationMetrics, wilsonInterval, type ClassMetrics, type Metrics } from './metrics'

/** A run in numbers. */
export interface RunDocument {
  /** What distinguishes it from the others. */
  readonly label: string
  /** The experiment's id. */
  readonly id: string
  readonly model: DrawnRun['model']
  readonly dataset: string
  readonly backend: string
  readonly seed: number
  readonly status: DrawnRun['status']
  readonly secondsPerEpoch: number
  readonly metrics: Omit<Metrics, 'perClass'> & {
    /** With Wilson's 95 % interval of each class's accuracy. */
    readonly perClass: readonly (ClassMetrics & {
      readonly name: string
      readonly interval: readonly [number, number]
    })[]
  }
  /** Null without predictions, like the mistakes. */
  readonly calibration: Calibration | null
  /** The most confident ones first. */
  readonly mistakes: readonly Mistake[] | null
}

/** What the figures of a report show, as numbers. */
export interface ReportDocument {
  readonly format: 'digitlab-report'
  readonly version: 1
  readonly runs: readonly RunDocument[]
  /** McNemar's test between each pair of runs on the same test images. */
  readonly pairs: readonly ComparedPair[]
}

/**
 * What the figures of a report show, as numbers: plain JSON, nothing rounded.
 *
 * @throws ReportError if a confusion matrix or predictions are not valid
 */
export const reportDocument = (inputs: readonly ReportInput[]): ReportDocument => {
  const labels = runLabels(inputs)
  return {
    format: 'digitlab-report',
    version: 1,
    runs: inputs.map(({ run, predictions }, n) => {
      const metrics = classificationMetrics(run.metrics.confusion, { meanLoss: run.metrics.meanLoss })
      return {
        label: labels[n] ?? '',
        id: run.id,
        model: { name: run.model.name, parameters: run.model.parameters },
        dataset: run.dataset.title,
        backend: run.backend.id,
        seed: run.experiment.seed,
        status: run.status,
        secondsPerEpoch: run.timing.secondsPerEpoch,
        metrics: {
          ...metrics,
          perClass: metrics.perClass.map((row) => ({
            ...row,
            name: run.dataset.classNames[row.class] ?? String(row.class),
            interval: wilsonInterval(row.correct, row.count),
          })),
        },
        calibration: predictions ? calibration(predictions) : null,
        mistakes: predictions ? confidentMistakes(predictions) : null,
      }
    }),
    pairs: comparedPairs(inputs),
  }
}
