// What an installation lays on a disk.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

interface InstalledSize {
  /** Files add up as they are, however a disk stores them. */
  readonly bytes: number
  readonly packages: number
}

/** What npm has installed into a project's folder. */
export const installedSize = async (project: string): Promise<InstalledSize> => {
  const modules = join(project, 'node_modules')
  let bytes = 0
  for (const entry of await readdir(modules, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  const lock = JSON.parse(await readFile(join(modules, '.package-lock.json'), 'utf8')) as { packages: object }
  return { bytes, packages: Object.keys(lock.packages).length }
}

/** "28.1 MB, 23 packages" */
export const sizeText = ({ bytes, packages }: InstalledSize): string =>
  `${(bytes / 1e6).toFixed(1)} MB, ${packages} packages`
