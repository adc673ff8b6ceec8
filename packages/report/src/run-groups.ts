import type { ReportInput } from './drawn-run'
import { runLabels } from './compared-runs'
import { seriesColours, seriesDashes, seriesSymbols, type Theme } from './theme'

/** Runs that differ in the seed alone. */
export interface RunGroup {
  /** 'cnn', 'cnn, 3 seeds' */
  readonly label: string
  readonly inputs: readonly [ReportInput, ...ReportInput[]]
}

/** What a run is, but for its seed: as one text. */
const withoutSeed = ({ run: { model, backend, dataset, experiment, status } }: ReportInput): string =>
  JSON.stringify([model.name, model.parameters, backend.id, dataset.title, { ...experiment, seed: 0 }, status])

/** Runs that differ in the seed alone together, in the order in which they first came. */
export const groupRuns = (inputs: readonly ReportInput[]): RunGroup[] => {
  const groups = new Map<string, [ReportInput, ...ReportInput[]]>()
  for (const input of inputs) {
    const key = withoutSeed(input)
    const group = groups.get(key)
    if (group) group.push(input)
    else groups.set(key, [input])
  }
  const all = [...groups.values()]
  const labels = runLabels(all.map(([first]) => first))
  const several = all.some((group) => group.length > 1)
  return all.map((group, n) => {
    const label = labels[n] ?? ''
    const seeds = `${group.length} seed${group.length === 1 ? '' : 's'}`
    return { label: several ? `${label.replace(/, seed \d+/, '')}, ${seeds}` : label, inputs: group }
  })
}

/** How a group is drawn: a model has one colour everywhere, and what else tells groups apart shows in dashes and signs. */
export const groupStyles = (groups: readonly RunGroup[], theme: Theme) => {
  const colours = seriesColours(theme)
  const models = [...new Set(groups.map(({ inputs: [first] }) => first.run.model.name))]
  const drawn = new Map<string, number>()
  return groups.map(({ inputs: [{ run }] }, n) => {
    const model = models.indexOf(run.model.name)
    const nth = drawn.get(run.model.name) ?? 0
    drawn.set(run.model.name, nth + 1)
    return {
      colour: colours[model % colours.length] as string,
      // another dash on the second round too, where the colours start again
      dash: seriesDashes[(model + nth + Math.floor(model / colours.length)) % seriesDashes.length] as string,
      symbol: seriesSymbols[n % seriesSymbols.length] as (typeof seriesSymbols)[number],
    }
  })
}

/** The colour of each run's model, as every figure of these runs has it. */
export const modelColours = (inputs: readonly ReportInput[], theme: Theme): string[] => {
  const colours = seriesColours(theme)
  const models = [...new Set(inputs.map(({ run }) => run.model.name))]
  return inputs.map(({ run }) => colours[models.indexOf(run.model.name) % colours.length] as string)
}

/** Mean and sample standard deviation, 0 of a single value. */
export const meanAndDeviation = (values: readonly number[]): { mean: number; deviation: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) }
}
