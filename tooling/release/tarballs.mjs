// What is published is packed first, and looked at: the tarballs that pass are the ones that go to the registry.
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { dependenciesOf } from './packages.mjs'
import { ReleaseError } from './release-error.mjs'
import { run } from './shell.mjs'

/** Every file that a manifest sends someone to. */
export const filesNamedBy = ({ main, module, types, bin = {}, exports = {} }) => {
  const named = [main, module, types, ...(typeof bin === 'string' ? [bin] : Object.values(bin))]
  const visit = (target) => {
    if (typeof target === 'string') named.push(target)
    else if (target !== null && typeof target === 'object') Object.values(target).forEach(visit)
  }
  visit(exports)
  const plain = named.filter((path) => path !== undefined && !path.includes('*'))
  return [...new Set(plain.map((path) => path.replace(/^\.\//, '')))]
}

/**
 * What is wrong with a packed package.
 *
 * @param expected { name, version } that it shall have
 * @param manifest the package.json in the tarball
 * @param files the paths in the tarball, relative to the package
 * @param versions the version of every package of this workspace by its name
 * @returns sentences; none where nothing is wrong
 */
export const faultsOf = (expected, manifest, files, versions) => {
  const faults = []
  for (const key of ['name', 'version'])
    if (manifest[key] !== expected[key]) faults.push(`its ${key} is ${manifest[key]} instead of ${expected[key]}`)
  if (manifest.private) faults.push('it is marked as private')
  for (const path of ['README.md', 'LICENSE', ...filesNamedBy(manifest)])
    if (!files.includes(path)) faults.push(`${path} is missing`)
  for (const named of (manifest.files ?? []).filter((path) => !path.startsWith('!')))
    if (!files.some((path) => path === named || path.startsWith(`${named}/`)))
      faults.push(`nothing of ${named}, which "files" names, is there`)
  for (const [name, range] of Object.entries(dependenciesOf(manifest))) {
    if (/^(workspace|catalog|link|file):/.test(range)) faults.push(`${name} is asked for as ${range}`)
    else if (versions.has(name) && range !== `^${versions.get(name)}`)
      faults.push(`${name} is asked for as ${range} instead of ^${versions.get(name)}`)
  }
  return faults
}

const list = (text) => text.split(/\r?\n/).filter((line) => line !== '')

/**
 * Packs packages and holds the tarballs to what a registry's users need.
 *
 * @param root the folder of the workspace
 * @param packages those that are packed
 * @param folder where the tarballs go
 * @param all every published package of the workspace, as publishedPackages found them
 * @returns a map from a package's name to its tarball
 * @throws ReleaseError that names everything that is wrong
 */
export const packAll = async (root, packages, folder, all) => {
  if (packages.length === 0) return new Map()
  const manifestOfPnpm = createRequire(join(root, 'package.json')).resolve('pnpm') // that is what it exports
  const pnpm = [process.execPath, join(dirname(manifestOfPnpm), 'bin', 'pnpm.cjs')]
  const chosen = packages.flatMap(({ name }) => ['--filter', name])
  const output = await run([...pnpm, ...chosen, 'pack', '--json', '--pack-destination', folder], { cwd: root })
  const packed = [JSON.parse(output)].flat() // one alone comes without a list around it
  const tarballs = new Map(packed.map(({ name, filename }) => [name, join(folder, basename(filename))]))
  const versions = new Map(all.map(({ name, version }) => [name, version]))
  const faultsIn = async (one) => {
    const tarball = tarballs.get(one.name)
    if (tarball === undefined) return [`${one.name}: was not packed`]
    // A relative name, because a drive's letter reads as a host's name to some.
    const tar = (...args) => run(['tar', ...args], { cwd: folder, seconds: 60 })
    const files = list(await tar('-tzf', basename(tarball))).map((path) => path.replace(/^package\//, ''))
    const manifest = JSON.parse(await tar('-xzOf', basename(tarball), 'package/package.json'))
    return faultsOf(one, manifest, files, versions).map((fault) => `${one.name}: ${fault}`)
  }
  const faults = (await Promise.all(packages.map(faultsIn))).flat()
  if (faults.length === 0) return tarballs
  throw new ReleaseError(`what was packed cannot be published:\n  ${faults.join('\n  ')}`)
}
