// The experiment that the form describes, as the command would run it, and what is wrong with its values.
import { completeExperiment, type Experiment } from '@digitlab/train'
import { numberFields, type NumberField, type Problems, type Settings } from '../protocol'
import { failureOf } from './failure'

/** @throws TrainError where a value is none */
export const experimentOf = (settings: Settings, dataset: string): Experiment => {
  const { model, seed, epochs, batchSize, optimizer: name, learningRate } = settings
  return completeExperiment({ model, dataset, seed, epochs, batchSize, optimizer: { name, learningRate } })
}

/** The fields as the form calls them. */
const names: Readonly<Record<NumberField, string>> = {
  epochs: 'Epochs',
  seed: 'Seed',
  batchSize: 'Batch size',
  learningRate: 'Learning rate',
}

/** What is wrong with each number of the form, in its own words. */
export const problemsOf = (settings: Settings): Problems => {
  const { optimizer: name } = settings
  const problems: Partial<Record<NumberField, string>> = {}
  for (const field of numberFields) {
    const value = settings[field]
    if (Number.isNaN(value)) {
      problems[field] = `${names[field]} is empty: type a number.`
      continue
    }
    try {
      const optimizer = field === 'learningRate' ? { name, learningRate: value } : { name }
      completeExperiment({ model: settings.model, optimizer, ...(field === 'learningRate' ? {} : { [field]: value }) })
    } catch (error) {
      problems[field] = failureOf(error).sentence.replace(new RegExp(`^(optimizer\\.)?${field}\\b`, 'i'), names[field])
    }
  }
  return problems
}
