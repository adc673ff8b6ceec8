// What an epoch told, by the names that schedules, early stopping and the choice of the best weights go by.
import { choice, type OptionSpec } from '@digitlab/models'

/** What can be watched. Of validation only where images are set aside for it. */
const monitors = ['validationLoss', 'validationAccuracy', 'trainLoss'] as const

/** A name of what is watched. */
export type Monitor = (typeof monitors)[number]

/** What is known of an epoch at its end. */
export type Monitored = { readonly [M in Monitor]?: number }

/** The option that names what is watched. */
export const monitor = <const S extends OptionSpec<Monitor>>(spec: S) => choice(monitors, spec)

/** Whether it is an accuracy, of which more is better. */
export const moreIsBetter = (name: Monitor): boolean => name === 'validationAccuracy'

/** @throws Error if it was not measured, which the experiment's check has ruled out */
export const measured = (epoch: Monitored, name: Monitor): number => {
  const value = epoch[name]
  if (value === undefined) throw new Error(`an epoch has no ${name}`)
  return value
}

/** Why something cannot be watched: undefined where it can. */
export const unmonitored = (what: string, name: Monitor, validates: boolean): string | undefined =>
  validates || name === 'trainLoss'
    ? undefined
    : `${what} watches ${name}, and no images are set aside for validation: set validation, to 0.1 for instance`
