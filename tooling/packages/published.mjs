// @ts-check
// The packages that others install: all of the workspace that are not private. A new package, or a new entry of one, is
// taken in by being there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * What is read of a package.json.
 *
 * @typedef {{
 *   readonly name: string
 *   readonly version: string
 *   readonly description?: string
 *   readonly keywords?: readonly string[]
 *   readonly homepage?: string
 *   readonly bugs?: { readonly url: string }
 *   readonly license?: string
 *   readonly repository?: { readonly type: string; readonly url: string; readonly directory: string }
 *   readonly type?: string
 *   readonly engines?: Readonly<Record<string, string>>
 *   readonly bin?: Readonly<Record<string, string>>
 *   readonly main?: string
 *   readonly module?: string
 *   readonly types?: string
 *   readonly exports?: Readonly<
 *     Record<string, string | Readonly<Record<string, string | Readonly<Record<string, string>>>>>
 *   >
 *   readonly files?: readonly string[]
 *   readonly sideEffects?: boolean
 *   readonly scripts?: Readonly<Record<string, string>>
 *   readonly publishConfig?: Readonly<Record<string, unknown>>
 *   readonly dependencies?: Readonly<Record<string, string>>
 *   readonly optionalDependencies?: Readonly<Record<string, string>>
 *   readonly peerDependencies?: Readonly<Record<string, string>>
 *   readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
 * }} Manifest
 */

/**
 * A published package: where it lies from the root of the repository ("packages/idx"), and its manifest.
 *
 * @typedef {{ readonly path: string, readonly manifest: Manifest }} PublishedPackage
 */

/**
 * What of a package can be imported: name ("index" for the entry ".", else "node"), what is written in an import, and absolute paths:
 * the file in src it is built from, its ES module and the types of that.
 *
 * @typedef {{ readonly name: string, readonly specifier: string, readonly source: string, readonly module: string, readonly types: string }} Entry
 */

const rooms = ['packages', 'apps']

/**
 * Every published package of a workspace, this one unless another is named: where it lies there, and its manifest.
 *
 * @returns {PublishedPackage[]}
 */
export const publishedPackages = (workspace = root) =>
  rooms
    .filter((room) => existsSync(join(workspace, room)))
    .flatMap((room) => readdirSync(join(workspace, room)).map((name) => `${room}/${name}`))
    .filter((path) => existsSync(join(workspace, path, 'package.json')))
    .map((path) => ({ path, manifest: JSON.parse(readFileSync(join(workspace, path, 'package.json'), 'utf8')) }))
    .filter(({ manifest }) => manifest.private !== true)

/**
 * What of a package can be imported; plain files (schemas, package.json) are not code.
 *
 * @param {PublishedPackage} published
 * @returns {Entry[]}
 */
export const entriesOf = ({ path, manifest }) =>
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
