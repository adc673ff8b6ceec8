// The experiment in the address: a link is an experiment. In the query and not behind the #, where the sections are.
import { dataChoices, type DataChoice, type Settings } from '../protocol'
import { settingsOf } from '../settings'

type NamedChoice = Exclude<DataChoice, 'files'>

export interface Addressed {
  /** The settings before, with what the address says in their place. */
  readonly settings: Settings
  readonly data?: NamedChoice
  /** A sentence for each part of the address that is no value of its field. */
  readonly notices: readonly string[]
}

const fields = ['model', 'backend', 'threads', 'seed', 'epochs', 'batchSize', 'optimizer', 'learningRate'] as const

/** What an address says: a number as it is, whatever its range, which the form tells; a name where there is such a one. */
export const readAddress = (query: string, before: Settings, processors: number): Addressed => {
  const given = new URLSearchParams(query)
  const notices: string[] = []
  const refuse = (name: string, value: string) =>
    notices.push(`The address asks for ${name} ${JSON.stringify(value.slice(0, 40))}, which this page does not have.`)
  const settings: Partial<Record<keyof Settings, unknown>> = { ...before }
  for (const field of fields) {
    const text = given.get(field)
    if (text === null) continue
    const numeric = typeof before[field] === 'number' || (field === 'threads' && text !== 'auto')
    const value = numeric && text.trim() !== '' ? Number(text) : text
    const taken = settingsOf({ ...before, [field]: value }, processors)
    if (taken[field] === value && !Number.isNaN(value)) settings[field] = value
    else refuse(field, text)
  }
  const named = given.get('data')
  const data = dataChoices.find((choice) => choice === named)
  if (named !== null && data === undefined) refuse('data', named)
  return { settings: settings as unknown as Settings, ...(data === undefined ? {} : { data }), notices }
}

/** The query of an address that is this experiment; what depends on the machine is not in it. */
export const addressOf = (
  { model, seed, epochs, batchSize, optimizer, learningRate }: Settings,
  data: DataChoice,
): string => {
  const values = { model, seed, epochs, batchSize, optimizer, learningRate }
  const entries = Object.entries(values).map(([name, value]): [string, string] => [name, String(value)])
  return `?${new URLSearchParams([...entries, ...(data === 'files' ? [] : [['data', data]])]).toString()}`
}
