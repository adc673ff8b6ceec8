import { join } from 'node:path'
import { cacheFolder } from './cache-folder'
import { DataError } from './data-error'
import type { LoadOptions } from './load'

/** A folder in which data sets are looked for. */
export interface Place {
  readonly kind: 'given' | 'environment' | 'cache'
  readonly folder: string
  /** A phrase: 'the folder digits', 'the cache'. */
  readonly origin: string
}

/** Where data sets are looked for, in that order: the folder that was given, the one that DIGITLAB_DATA names, the cache. */
export const placesOf = ({ folder, env = process.env, onNotice = () => {} }: LoadOptions): readonly Place[] => {
  const given = env['DIGITLAB_DATA']
  const places: Place[] = []
  if (folder !== undefined) places.push({ kind: 'given', folder, origin: `the folder ${folder}` })
  if (given) places.push({ kind: 'environment', folder: given, origin: `the folder ${given}` })
  try {
    places.push({ kind: 'cache', folder: cacheFolder(env), origin: 'the cache' })
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    onNotice(error.message)
  }
  return places
}

/** In the cache a data set lies in a folder of its name, and nowhere else; elsewhere the files may lie openly, too. */
export const foldersFor = ({ kind, folder }: Place, name: string): readonly string[] =>
  kind === 'cache' ? [join(folder, name)] : [join(folder, name), folder]
