// The published packages of the workspace, those that others need first.
import { publishedPackages as allPublished, type Manifest } from '../packages/published'

/** A published package; its folder is relative to the root of the workspace. */
export interface Package {
  readonly name: string
  readonly version: string
  readonly folder: string
  readonly manifest: Manifest
}

/** What of a package others meet: names to ranges of what is installed with it, without what only its development needs. */
export const dependenciesOf = ({
  dependencies = {},
  peerDependencies = {},
  optionalDependencies = {},
}: Partial<Manifest>): Readonly<Record<string, string>> => ({
  ...peerDependencies,
  ...optionalDependencies,
  ...dependencies,
})

/**
 * The packages that are published, each after all of the workspace that it depends on.
 *
 * @param root the folder of the workspace
 * @throws Error where packages depend on one another in a circle
 */
export const publishedPackages = (root: string): Package[] => {
  const found = allPublished(root)
    .map(({ path, manifest }) => ({ name: manifest.name, version: manifest.version, folder: path, manifest }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const byName = new Map(found.map((one) => [one.name, one]))
  const ordered = new Set<Package>()
  const visit = (one: Package, above: readonly string[]): void => {
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

/** The names of packages and of all of the workspace that they depend on. @throws Error for a name that no package has */
export const withNeeded = (packages: readonly Package[], names: readonly string[]): ReadonlySet<string> => {
  const unknown = names.find((name) => !packages.some((one) => one.name === name))
  if (unknown !== undefined)
    throw new Error(`there is no package ${unknown}: choose from ${packages.map(({ name }) => name).join(', ')}`)
  const needed = new Set(names)
  for (const { name, manifest } of packages.toReversed())
    // each before what it depends on
    if (needed.has(name)) for (const other of Object.keys(dependenciesOf(manifest))) needed.add(other)
  return needed
}

/** "@digitlab/idx@0.1.0" */
export const nameAndVersion = ({ name, version }: Pick<Package, 'name' | 'version'>): string => `${name}@${version}`

/** The version of every package by its name. */
export const versionsIn = (root: string): ReadonlyMap<string, string> =>
  new Map(publishedPackages(root).map(({ name, version }) => [name, version]))
