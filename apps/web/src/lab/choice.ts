// The data set that the page trains on: by its name, or from files; the latest choice counts.
import type { Dataset } from '@digitlab/data'
import type { DataChoice, FromLab, GivenFile } from '../protocol'
import type { Datasets, NamedChoice } from './datasets'
import { PageError } from './failure'
import { datasetOf } from './given'
import { sendImages } from './images'
import { keepFiles, keptFiles } from './kept'

/** What is chosen, and at hand. */
interface Held {
  readonly choice: DataChoice
  readonly data: Dataset
}

export interface Choice {
  readonly held: Held | undefined
  /**
   * Loads what is chosen by its name.
   *
   * @throws DataError where it can't be had; AbortError where it was cancelled; Superseded where another was chosen
   */
  load(name: NamedChoice): Promise<Dataset>
  /** Takes the data set that files held, and keeps them. */
  give(data: Dataset, given: readonly GivenFile[]): Promise<void>
  /** What is chosen, loaded where it is not at hand. @throws as `load`, and PageError where files are not kept */
  get(choice: DataChoice): Promise<Dataset>
  /** Gives up what is being loaded. */
  cancel(): void
}

/** Something else was chosen before this was there: nobody waits for it. */
export class Superseded extends Error {}

export interface ChoiceContext {
  readonly datasets: Datasets
  readonly post: (message: FromLab) => void
  readonly figures: MessagePort
}

export const createChoice = ({ datasets, post, figures }: ChoiceContext): Choice => {
  let held: Held | undefined
  /** What is being loaded. */
  let latest: { readonly name: NamedChoice } | undefined

  const take = (choice: DataChoice, data: Dataset): Dataset => {
    held = { choice, data }
    sendImages(figures, data)
    const { train, test, ...rest } = data
    post({ type: 'data', data: { ...rest, choice, trainCount: train.count, testCount: test.count } })
    return data
  }
  const supersede = (name?: NamedChoice) => {
    if (latest && latest.name !== name) datasets.cancel(latest.name)
    latest = undefined
  }

  const self: Choice = {
    get held() {
      return held
    },
    async load(name) {
      supersede(name)
      const mine = (latest = { name })
      const told = datasets.load(name, (progress) => {
        if (latest === mine) post({ type: 'loading', ...progress })
      })
      try {
        const data = await told
        if (latest === mine) return take(name, data)
      } catch (error) {
        if (latest === mine) throw error
      } finally {
        if (latest === mine) latest = undefined
      }
      throw new Superseded()
    },
    async give(data, given) {
      supersede()
      take('files', data)
      await keepFiles(given).catch(() => {
        const sentence =
          'This browser cannot keep the files that were given: to go on with a run after a reload, give them again.'
        post({ type: 'notice', sentence })
      })
    },
    async get(choice) {
      if (held?.choice === choice) return held.data
      if (choice !== 'files') {
        if (held && held.choice !== 'files' && held.data.name === choice) return held.data
        return self.load(choice)
      }
      const given = await keptFiles().catch(() => undefined)
      if (given) return take('files', await datasetOf(given))
      throw new PageError('the files of this data set are not at hand: give its files once more, then go on')
    },
    cancel() {
      if (latest) datasets.cancel(latest.name)
    },
  }
  return self
}
