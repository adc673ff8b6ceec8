// The packages that others install: all of the workspace that are not private. A new package, or a new entry of one, is
// taken in by being there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** What is read of a package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly homepage?: string
  readonly bugs?: { readonly url: string }
  readonly license?: string
  readonly repository?: { readonly type: string; readonly url: string; readonly directory: string }
  readonly type?: string
  readonly engines?: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly main?: string
  readonly module?: string
  readonly types?: string
  readonly exports?: Readonly<
    Record<string, string | Readonly<Record<string, string | Readonly<Record<string, string>>>>>
  >
  readonly files?: readonly string[]
  readonly sideEffects?: boolean
  readonly scripts?: Readonly<Record<string, string>>
  readonly publishConfig?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** A published package. */
export interface PublishedPackage {
  /** Where it lies from the root of the repository: "packages/idx". */
  readonly path: string
  readonly manifest: Manifest
}

/** What of a package can be imported. Paths are absolute. */
export interface Entry {
  /** "index" for the entry ".", else "node". */
  readonly name: string
  /** What is written in an import. */
  readonly specifier: string
  /** The file in src it is built from. */
  readonly source: string
  /** Its ES module. */
  readonly module: string
  /** The types of that. */
  readonly types: string
}

const rooms = ['packages', 'apps']

/** The package.json of a folder. */
export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

/** Every published package of a workspace, this one unless another is named: where it lies there, and its manifest. */
export const publishedPackages = (workspace = root): PublishedPackage[] =>
  rooms
    .filter((room) => existsSync(join(workspace, room)))
    .flatMap((room) => readdirSync(join(workspace, room)).map((name) => `${room}/${name}`))
    .filter((path) => existsSync(join(workspace, path, 'package.json')))
    .map((path) => ({ path, manifest: readManifest(join(workspace, path)) }))
    .filter(({ manifest }) => manifest.private !== true)

/** What of a package can be imported; plain files (schemas, package.json) are not code. */
export const entriesOf = ({ path, manifest }: PublishedPackage): Entry[] =>
  Object.entries(manifest.exports ?? {}).flatMap(([subpath, target]) => {
    if (typeof target === 'string') return []
    const { import: imported, '@digitlab/source': source } = target
    if (typeof imported !== 'object' || typeof source !== 'string')
      throw new Error(`${manifest.name}: expected "@digitlab/source" and "import" of the entry "${subpath}"`)
    return {
      name: subpath === '.' ? 'index' : subpath.slice(2),
      specifier: manifest.name + subpath.slice(1),
      source: join(root, path, source),
      module: join(root, path, imported['default'] ?? ''),
      types: join(root, path, imported['types'] ?? ''),
    }
  })
