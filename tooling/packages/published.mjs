// The packages that others install: all of the workspace that are not private. A new package, or a new entry of one, is
// taken in by being there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const rooms = ['packages', 'apps']

/** Every published package of a workspace, this one unless another is named: where it lies there, and its manifest. */
export const publishedPackages = (workspace = root) =>
  rooms
    .filter((room) => existsSync(join(workspace, room)))
    .flatMap((room) => readdirSync(join(workspace, room)).map((name) => `${room}/${name}`))
    .filter((path) => existsSync(join(workspace, path, 'package.json')))
    .map((path) => ({ path, manifest: JSON.parse(readFileSync(join(workspace, path, 'package.json'), 'utf8')) }))
    .filter(({ manifest }) => manifest.private !== true)

/** What of a package can be imported: 'index' for '.', 'node' for './node'; plain files (schemas, package.json) are not code. */
export const entriesOf = ({ path, manifest }) =>
  Object.entries(manifest.exports ?? {})
    .filter(([, target]) => typeof target === 'object')
    .map(([subpath, target]) => ({
      name: subpath === '.' ? 'index' : subpath.slice(2),
      specifier: manifest.name + subpath.slice(1),
      source: join(root, path, target['@digitlab/source']),
      module: join(root, path, target.import.default),
      types: join(root, path, target.import.types),
    }))
