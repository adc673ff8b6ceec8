// What is published is packed first, and looked at: the tarballs that pass are the ones that go to the registry.
import type { Manifest } from '../packages/published'
import { pack, type Packed } from '../packages/packed'
import { dependenciesOf, type Package } from './packages'
import { ReleaseError } from './release-error'

/** Every file that a manifest sends someone to. */
const filesNamedBy = ({ main, module, types, bin = {}, exports = {} }: Partial<Manifest>): string[] => {
  const named = [main, module, types, ...Object.values(bin)]
  const visit = (target: unknown): void => {
    if (typeof target === 'string') named.push(target)
    else if (target !== null && typeof target === 'object') Object.values(target).forEach(visit)
  }
  visit(exports)
  const plain = named.filter((path) => path !== undefined && !path.includes('*')) as string[]
  return [...new Set(plain.map((path) => path.replace(/^\.\//, '')))]
}

/**
 * What is wrong with a packed package, in sentences.
 *
 * @param expected the name and version that it shall have
 * @param manifest the package.json in the tarball
 * @param files the paths in the tarball, relative to the package
 * @param versions the version of every package of this workspace by its name
 */
export const faultsOf = (
  expected: Pick<Manifest, 'name' | 'version'>,
  manifest: Partial<Manifest>,
  files: readonly string[],
  versions: ReadonlyMap<string, string>,
): string[] => {
  const faults: string[] = []
  for (const key of ['name', 'version'] as const)
    if (manifest[key] !== expected[key]) faults.push(`its ${key} is ${manifest[key]} instead of ${expected[key]}`)
  if (manifest.private) faults.push('it is marked as private')
  for (const path of ['README.md', 'LICENSE', ...filesNamedBy(manifest)])
    if (!files.includes(path)) faults.push(`${path} is missing`)
  for (const named of (manifest.files ?? []).filter((path) => !path.startsWith('!')))
    if (!files.some((path) => path === named || path.startsWith(`${named}/`)))
      faults.push(`nothing of ${named}, which "files" names, is there`)
  for (const [name, range] of Object.entries(dependenciesOf(manifest))) {
    const version = versions.get(name)
    if (/^(workspace|catalog|link|file):/.test(range)) faults.push(`${name} is asked for as ${range}`)
    else if (version !== undefined && range !== `^${version}`)
      faults.push(`${name} is asked for as ${range} instead of ^${version}`)
  }
  return faults
}

/**
 * Packs packages and holds the tarballs to what a registry's users need.
 *
 * @param root the folder of the workspace
 * @param packages those that are packed
 * @param folder where the tarballs go
 * @param versions the version of every package of the workspace by its name
 * @returns a map from a package's name to it as packed
 * @throws ReleaseError that names everything that is wrong
 */
export const packForRelease = async (
  root: string,
  packages: readonly Package[],
  folder: string,
  versions: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, Packed>> => {
  const published = packages.map(({ folder: path, manifest }) => ({ path, manifest }))
  const packed = new Map((await pack(root, published, folder)).map((one) => [one.manifest.name, one]))
  const faults = packages.flatMap((expected) => {
    const one = packed.get(expected.name)
    const found = one ? faultsOf(expected, one.manifest, [...one.files.keys()], versions) : ['was not packed']
    return found.map((fault) => `${expected.name}: ${fault}`)
  })
  if (faults.length === 0) return packed
  throw new ReleaseError(`what was packed cannot be published:\n  ${faults.join('\n  ')}`)
}
