// Who trains a run holds a lock on it: no two tabs go on with the same one.
import { PageError } from './failure'

const prefix = 'digitlab-run-'
const there = 'locks' in navigator // nowhere but in a page of https or localhost

export const runLock = {
  /** The keys of the runs that are being trained, in whatever tab. */
  async held(): Promise<ReadonlySet<string>> {
    const held = there ? ((await navigator.locks.query()).held ?? []) : []
    return new Set(held.flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : [])))
  },

  /** Does something while nobody else may train the run. @throws PageError where another tab does */
  async hold<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (!there) return work()
    return await navigator.locks.request(prefix + key, { ifAvailable: true }, (lock) => {
      if (lock) return work()
      throw new PageError('this run is being trained in another tab of this browser: go on there, or close that tab')
    })
  },

  /** Does something once nobody trains the run. */
  async whenFree(key: string, work: () => Promise<void>): Promise<void> {
    if (there) await navigator.locks.request(prefix + key, work)
  },
}
