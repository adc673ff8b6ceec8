// The experiment that the form describes, as the command would run it, and what is wrong with its values.
import { shownValue, type ModelDefinition } from '@digitlab/models'
import { completeExperiment, type Experiment } from '@digitlab/train'
import type { Problems, Settings } from '../protocol'
import {
  augmentFields,
  isEmpty,
  kindFields,
  kindNames,
  numberFields,
  partFields,
  partNames,
  scheduleFields,
  schedulesOf,
  tableFields,
  type Field,
} from '../settings'
import { readModelText } from '../model-text'
import { failureOf, PageError, sentenceOf } from './failure'

const given = (fields: readonly Field[]): Record<string, unknown> =>
  Object.fromEntries(fields.flatMap(({ name, value }) => (isEmpty(value) ? [] : [[name, value]])))

/** The form's model: a name of the catalogue, or a definition. @throws PageError where what was typed is none */
export const modelOf = ({ model, definition }: Settings): string | ModelDefinition => {
  if (definition === undefined) return model
  const { model: own, fault } = readModelText(definition)
  if (fault) throw new PageError(`Line ${fault.line} of the model: ${fault.sentence}`)
  return own.definition
}

/** @throws TrainError where a value is none, PageError where the model is */
export const experimentOf = (settings: Settings, dataset: string): Experiment => {
  const { seed } = settings
  const model = modelOf(settings)
  const chosen = kindNames.flatMap((kind): [string, unknown][] => {
    const { name } = settings[kind] ?? {}
    return name === undefined ? [] : [[kind, { name, ...given(kindFields(settings, kind)) }]]
  })
  const schedules = schedulesOf(settings).map(({ name }, at) => ({ name, ...given(scheduleFields(settings, at)) }))
  const augment = (settings.augment ?? []).map((one) => ({ name: one.name, ...given(augmentFields(one)) }))
  const parts = partNames.flatMap((part): [string, unknown][] =>
    settings.parts?.[part] ? [[part, given(partFields(settings, part))]] : [],
  )
  const input = {
    model,
    dataset,
    seed,
    ...given(numberFields(settings)),
    ...(Object.fromEntries([...chosen, ...parts]) as Record<string, unknown>),
    ...(schedules.length > 1 ? { schedule: schedules } : {}),
    augment,
  }
  return completeExperiment(input) // which checks every value
}

/** What is wrong with each field of the form, in its own words; what is wrong with several together stands under 'experiment'. */
export const problemsOf = (settings: Settings): Problems => {
  const problems: Record<string, string> = {}
  for (const { path, label, option, value } of tableFields(settings)) {
    if (!isEmpty(value)) {
      if (!option.fits(value))
        problems[path] = sentenceOf(`${label} must be ${option.allowed}, not ${shownValue(value)}`)
    } else if (option.presence !== 'optional') {
      const wanted = option.kind === 'number' || option.kind === 'integer' ? 'a number' : option.allowed
      problems[path] = `${label} is empty: type ${wanted}.`
    }
  }
  const { model, seed } = settings
  if (Number.isNaN(seed)) problems['seed'] = 'Seed is empty: type a number.'
  else
    try {
      completeExperiment({ model, seed })
    } catch (error) {
      problems['seed'] = failureOf(error).sentence
    }
  if (settings.definition !== undefined) {
    const { fault } = readModelText(settings.definition)
    if (fault) problems['definition'] = `Line ${fault.line} of the model: ${fault.sentence}`
  }
  if (Object.keys(problems).length > 0) return problems
  try {
    experimentOf(settings, 'mnist')
    return {}
  } catch (error) {
    return { experiment: failureOf(error).sentence }
  }
}
