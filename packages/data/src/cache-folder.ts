import { userInfo } from 'node:os'
import { isAbsolute, resolve } from 'node:path'
import envPaths from 'env-paths'
import { DataError } from './data-error'

/**
 * The folder in which downloads are kept: DIGITLAB_CACHE, or the platform's own place for caches.
 *
 * @throws DataError if there is no home folder to keep them in
 */
export const cacheFolder = (env: Readonly<Record<string, string | undefined>> = process.env): string =>
  env['DIGITLAB_CACHE'] || withinHome(envPaths('digitlab', { suffix: '' }).cache)

/** An empty HOME makes the platform's place relative: it would be one in whatever folder the program was started in. */
const withinHome = (place: string): string => {
  if (isAbsolute(place)) return place
  let home = ''
  try {
    home = userInfo().homedir
  } catch {
    // This user has no entry that names one, as in some containers.
  }
  if (isAbsolute(home)) return resolve(home, place)
  throw new DataError(
    'there is no home folder to keep data sets in (HOME is empty): set HOME, or name a folder with DIGITLAB_CACHE',
    { code: 'disk' },
  )
}
