// What a run was begun with. It lies in the run's folder from the start, so that a run that was killed before its first checkpoint
// can be resumed as well.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { CheckpointInterval } from '@digitlab/train'
import { completeExperiment, TrainError, type ExperimentInput } from '@digitlab/train/experiment'
import { isOnHub } from './hub'

/** What `train` was asked for. */
export interface Begun {
  /** Without its data set. */
  readonly settings: ExperimentInput
  /** As it was named, 'auto' too. */
  readonly dataset: string
  readonly dataDir?: string
  readonly backend: string
  readonly device?: number
  readonly tf32?: boolean
  readonly workers: number | 'auto'
  /** The file or the run of the weights that it begins with. */
  readonly init?: string
  /** Which of its state dicts, where it holds several. */
  readonly key?: string
  readonly newHead?: boolean
  readonly every?: CheckpointInterval
  /** Whether a page is wanted. */
  readonly report: boolean
}

export const begunFile = join('checkpoint', 'begun.json')

/** Its paths lead to the same places from any folder. */
export const begunText = ({ dataDir, init, ...begun }: Begun): string => {
  const places = {
    ...(dataDir === undefined ? {} : { dataDir: resolve(dataDir) }),
    ...(init === undefined ? {} : { init: isOnHub(init) ? init : resolve(init) }),
  }
  return `${JSON.stringify({ format: 'digitlab-begun', version: 1, ...begun, ...places }, null, 2)}\n`
}

/**
 * Reads what a run was begun with.
 *
 * @returns undefined if there is no such file
 * @throws TrainError if it is damaged
 */
export const readBegun = async (folder: string): Promise<Begun | undefined> => {
  const path = join(folder, begunFile)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const found = parsed(text)
  if (found?.['format'] !== 'digitlab-begun' || found['version'] !== 1) throw damaged(path)
  for (const [key, kinds] of Object.entries(kindsOf)) if (!kinds.includes(typeof found[key])) throw damaged(path)
  const begun = found as unknown as Begun
  completeExperiment(begun.settings)
  return begun
}

const kindsOf: Readonly<Record<string, readonly string[]>> = {
  settings: ['object'],
  dataset: ['string'],
  dataDir: ['string', 'undefined'],
  backend: ['string'],
  device: ['number', 'undefined'],
  tf32: ['boolean', 'undefined'],
  workers: ['number', 'string'],
  init: ['string', 'undefined'],
  key: ['string', 'undefined'],
  newHead: ['boolean', 'undefined'],
  every: ['object', 'undefined'],
  report: ['boolean'],
}

const parsed = (text: string): Record<string, unknown> | null => {
  try {
    return JSON.parse(text) as Record<string, unknown> | null
  } catch {
    return null
  }
}

const damaged = (path: string): TrainError =>
  new TrainError(`${path} is damaged, and there is no checkpoint to resume from: train again, into another folder`)
