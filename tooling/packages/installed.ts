// What a package brings along when it is installed alone: itself, its dependencies, and the peers that are not optional.
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Packed } from './packed'
import { root, type Manifest } from './published'

interface Installed {
  readonly bytes: number
  /** Names with versions, in no order. */
  readonly packages: readonly string[]
}

/** The folder of a package as Node finds it from another's; undefined for an optional one that is not for this machine. */
const folderOf = (name: string, from: string): string | undefined => {
  for (let at = from; ; at = dirname(at)) {
    const place = join(at, 'node_modules', name)
    if (existsSync(place)) return realpathSync(place)
    if (at === dirname(at)) return undefined
  }
}

/** Bytes of a package's own files, without packages that lie within. */
const bytesIn = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .map((entry) => (entry.isDirectory() ? bytesIn(join(folder, entry.name)) : statSync(join(folder, entry.name)).size))
    .reduce((sum, bytes) => sum + bytes, 0)

const neededBy = ({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }: Manifest) => [
  ...Object.keys({ ...dependencies, ...optionalDependencies }),
  ...Object.keys(peerDependencies ?? {}).filter((peer) => peerDependenciesMeta?.[peer]?.optional !== true),
]

/**
 * Adds up what `npm install` would bring into a fresh folder: ours as packed, others as they lie in this workspace.
 *
 * @param name one of the packed packages
 * @throws Error where a package is needed that is not installed here
 */
export const installed = (name: string, packed: readonly Packed[]): Installed => {
  const found = new Map<string, number>()
  const visit = (needed: string, from: string, optional: boolean): void => {
    const own = packed.find(({ manifest }) => manifest.name === needed)
    const folder = own ? join(root, own.path) : folderOf(needed, from)
    if (folder === undefined) {
      if (optional) return
      throw new Error(`${from} needs ${needed}, which is not installed here: run "npx pnpm install"`)
    }
    const manifest = own?.manifest ?? (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest)
    const key = `${needed}@${manifest.version}`
    if (found.has(key)) return
    found.set(key, own ? [...own.files.values()].reduce((sum, { length }) => sum + length, 0) : bytesIn(folder))
    for (const next of neededBy(manifest)) visit(next, folder, Object.hasOwn(manifest.optionalDependencies ?? {}, next))
  }
  visit(name, root, false)
  return { bytes: [...found.values()].reduce((sum, bytes) => sum + bytes, 0), packages: [...found.keys()] }
}
