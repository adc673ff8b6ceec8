// Every published package of this workspace as packed, once for all tests of a run.
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { inject } from 'vitest'
import { pack, readPacked, type Packed } from './packed'
import { publishedPackages, root } from './published'

/** @throws Error where a package is not built */
export const packAll = async (): Promise<Packed[]> => {
  const packages = publishedPackages()
  const folder = join(inject('sharedFolder'), 'packed')
  const [done, failed] = [`${folder}.done`, `${folder}.failed`]
  const first = await mkdir(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
  if (!first) {
    while (!existsSync(done)) {
      if (existsSync(failed)) throw new Error(await readFile(failed, 'utf8'))
      await wait(100)
    }
    return readPacked(packages, folder)
  }
  try {
    const unbuilt = packages.filter(({ path }) => !existsSync(join(root, path, 'dist'))).map(({ path }) => path)
    if (unbuilt.length > 0) throw new Error(`${unbuilt.join(', ')}: not built, run "npm run build"`)
    const packed = await pack(root, packages, folder)
    await writeFile(done, '')
    return packed
  } catch (error) {
    await writeFile(failed, String(error))
    throw error
  }
}
