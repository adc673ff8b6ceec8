// The published packages of the workspace, those that others need first.
import { publishedPackages as allPublished } from '../packages/published.mjs'

/**
 * What of a package others meet.
 *
 * @returns names to ranges: what is installed with it, without what only its development needs
 */
export const dependenciesOf = ({ dependencies = {}, peerDependencies = {}, optionalDependencies = {} }) => ({
  ...peerDependencies,
  ...optionalDependencies,
  ...dependencies,
})

/**
 * The packages that are published.
 *
 * @param root the folder of the workspace
 * @returns [{ name, version, folder, manifest }], each after all of the workspace that it depends on; folder relative to the root
 * @throws Error where packages depend on one another in a circle
 */
export const publishedPackages = (root) => {
  const found = allPublished(root)
    .map(({ path, manifest }) => ({ name: manifest.name, version: manifest.version, folder: path, manifest }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const byName = new Map(found.map((one) => [one.name, one]))
  const ordered = new Set()
  const visit = (one, above) => {
    if (ordered.has(one)) return
    if (above.includes(one.name))
      throw new Error(`packages depend on one another in a circle: ${[...above, one.name].join(' -> ')}`)
    for (const name of Object.keys(dependenciesOf(one.manifest))) {
      const needed = byName.get(name)
      if (needed) visit(needed, [...above, one.name])
    }
    ordered.add(one)
  }
  for (const one of found) visit(one, [])
  return [...ordered]
}
