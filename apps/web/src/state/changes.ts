// What changed between two runs: settings that differ, and what came of them.
import { grouped, percent } from '@digitlab/report'
import type { Run } from '@digitlab/train'
import { shown } from '../shown'
import { loss } from './format'

interface Change {
  readonly what: string
  /** Undefined where there is none. */
  readonly before: string | undefined
  readonly after: string | undefined
}

const written = (value: unknown): string => shown(typeof value === 'string' ? value : JSON.stringify(value), 80)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** 'weightDecay' as 'weight decay' */
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

/** Every value with its path; a list's parts are counted from 1. */
const values = (value: unknown, path: readonly string[]): [what: string, value: string][] => {
  const parts = isRecord(value) ? Object.entries(value) : undefined
  const list = Array.isArray(value) && value.some(isRecord) ? (value as readonly unknown[]) : undefined
  if (parts) return parts.flatMap(([key, part]) => values(part, [...path, words(key)]))
  if (list)
    return list.flatMap((part, n) => {
      const { name, ...rest } = isRecord(part) && typeof part['name'] === 'string' ? part : { name: undefined }
      return name === undefined
        ? values(part, [...path, String(n + 1)])
        : [[[...path, String(n + 1)].join(' '), name] as [string, string], ...values(rest, [...path, written(name)])]
    })
  return value === undefined ? [] : [[path.join(' '), written(value)]]
}

const settingsOf = (run: Run): ReadonlyMap<string, string> => {
  const { model, ...experiment } = run.experiment
  const { name, layers } = run.model.definition
  // The catalogue's models are told by their names, and what they are made of as well.
  return new Map([
    ['model', shown(typeof model === 'string' ? model : name, 80)],
    ...layers.map((layer, n) => [`layer ${n + 1}`, written(layer)] as const),
    ...values(experiment, []),
    ['backend', shown(run.backend.id, 80)],
  ])
}

/** What of two runs' settings differs, in the order of the later one's. */
export const changedSettings = (before: Run, after: Run): readonly Change[] => {
  const [old, now] = [settingsOf(before), settingsOf(after)]
  return [...new Set([...now.keys(), ...old.keys()])].flatMap((what) => {
    const change = { what, before: old.get(what), after: now.get(what) }
    return change.before === change.after ? [] : [change]
  })
}

/** What the two runs came to, whether it differs or not. */
export const outcomes = (before: Run, after: Run): readonly (Change & { readonly by: string })[] => {
  const signed = (value: number, text: (value: number) => string) => `${value < 0 ? '−' : '+'}${text(Math.abs(value))}`
  const row = (what: string, of: (run: Run) => number, text: (value: number) => string) => ({
    what,
    ...{ before: text(of(before)), after: text(of(after)), by: signed(of(after) - of(before), text) },
  })
  return [
    row(
      'test accuracy',
      ({ metrics }) => metrics.accuracy,
      (value) => percent(value),
    ),
    row('test loss', ({ metrics }) => metrics.meanLoss, loss),
    row('parameters', ({ model }) => model.parameters, grouped),
    row(
      'seconds an epoch',
      ({ timing }) => timing.secondsPerEpoch,
      (value) => value.toFixed(2),
    ),
  ]
}
