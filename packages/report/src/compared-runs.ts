import type { ReportInput } from './drawn-run'
import { mcNemar, type McNemar } from './mcnemar'

/** Two runs on the same test images. */
export interface ComparedPair extends McNemar {
  readonly first: string
  readonly second: string
  /** How many images both classified. */
  readonly count: number
}

/** A label for each run: its model, and whichever of backend, data set, settings and seed differ. */
export const runLabels = (inputs: readonly ReportInput[]): string[] => {
  const aspects = [
    ({ run }: ReportInput) => run.model.name,
    ({ run }: ReportInput) => run.backend.id,
    ({ run }: ReportInput) => run.dataset.title,
    ({ run }: ReportInput) => `${run.experiment.epochs} epochs`,
    ({ run }: ReportInput) => `batch ${run.experiment.batchSize}`,
    ({ run }: ReportInput) => `${run.experiment.optimizer.name} ${run.experiment.optimizer.learningRate}`,
    ({ run }: ReportInput) => `seed ${run.experiment.seed}`,
  ]
  const telling = aspects.filter((aspect, n) => n === 0 || new Set(inputs.map(aspect)).size > 1)
  const labels = inputs.map((input) => {
    const label = telling.map((aspect) => aspect(input)).join(', ')
    return input.run.status === 'completed' ? label : `${label} (interrupted)`
  })
  // the same experiment twice
  return labels.map((label, n) => {
    const before = labels.slice(0, n).filter((other) => other === label).length
    return before === 0 ? label : `${label} (${before + 1})`
  })
}

/** Of runs that differ in the seed alone the first: each of the others would be compared with it as if it were another model. */
const ofFirstSeeds = (inputs: readonly ReportInput[]): number[] => {
  const seen = new Set<string>()
  return inputs.flatMap(({ run }, n) => {
    const { model, backend, dataset, experiment } = run
    const { epochs, batchSize, optimizer } = experiment
    const key = JSON.stringify([model.name, model.parameters, backend.id, dataset.title, epochs, batchSize, optimizer])
    if (seen.has(key)) return []
    seen.add(key)
    return [n]
  })
}

/**
 * McNemar's test between each pair of runs that classified the same test images; of runs that differ only in the seed, the
 * first represents all. Runs without predictions are left out.
 */
export const comparedPairs = (inputs: readonly ReportInput[]): ComparedPair[] => {
  const labels = runLabels(inputs)
  const chosen = ofFirstSeeds(inputs).flatMap((n) => {
    const { predictions, run } = inputs[n] as ReportInput // n is one of their places
    return predictions ? [{ label: labels[n] ?? '', predictions, dataset: run.dataset }] : []
  })
  return chosen.flatMap((first, n) =>
    chosen.slice(n + 1).flatMap((second) => {
      const [a, b] = [first.predictions, second.predictions]
      const same = first.dataset.title === second.dataset.title && sameValues(a.labels, b.labels)
      if (!same) return []
      const tested = mcNemar(a.labels, a.after, b.after)
      return [{ first: first.label, second: second.label, count: a.labels.length, ...tested }]
    }),
  )
}

const sameValues = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const superscripts = '\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079'

/** 'p = 0.034', 'p = 2 \u00d7 10\u207b\u00b9\u00b2'; below what can be told from 0 that is said. */
export const pText = (pValue: number): string => {
  if (pValue >= 0.001) return `p = ${pValue >= 0.9995 ? '1' : pValue.toPrecision(2)}`
  if (pValue < 1e-300) return `p < 10${raised(-300)}`
  const [digit = '', exponent] = pValue.toExponential(0).split('e')
  return `p = ${digit} \u00d7 10${raised(Number(exponent))}`
}

const raised = (exponent: number): string =>
  `\u207b${[...String(-exponent)].map((digit) => superscripts[Number(digit)]).join('')}`
