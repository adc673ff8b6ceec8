// The software bill of materials of a release, in CycloneDX's JSON: every published package, and every package that
// installing them brings, as the lock file has it. The same lock file gives the
// same bytes; only the licence of what is for another platform is known there alone.
//   npm run sbom -- [--out FILE]
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, resolve } from 'node:path'
import * as CycloneDX from '@cyclonedx/cyclonedx-library'
import { PackageURL } from 'packageurl-js'
import parseExpression from 'spdx-expression-parse'
import { parse } from 'yaml'
import { publishedPackages, readManifest, root, type Manifest } from './published'

const { Enums, Models, Serialize, Spec, Validation } = CycloneDX

/** What is read of the lock file. */
interface Lock {
  readonly packages: Readonly<Record<string, { readonly resolution?: { readonly integrity?: string } }>>
  readonly snapshots: Readonly<Record<string, Needs<string> | undefined>>
  readonly importers: Readonly<Record<string, Needs<{ readonly version: string }> | undefined>>
}

type Needs<T> = Partial<
  Record<'dependencies' | 'optionalDependencies' | 'devDependencies', Readonly<Record<string, T>>>
>

const lock = parse(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')) as Lock
const packages = publishedPackages()

/** 'name@version' of an entry of the lock file, which may go on with the peers it was resolved with. */
const withoutPeers = (key: string) => key.replace(/\(.*$/, '')

/** The manifest of an installed package; what is for other platforms is not installed. */
const installed = (() => {
  const store = join(root, 'node_modules', '.pnpm')
  const folders = new Map<string, string>()
  for (const folder of readdirSync(store)) {
    const [id] = /^((?:@[^+]+\+)?[^@]+@[^_]+)/.exec(folder) ?? []
    if (id !== undefined) folders.set(id.replace('+', '/'), folder)
  }
  return (name: string, version: string) => {
    const path = join(store, folders.get(`${name}@${version}`) ?? '', 'node_modules', name)
    return existsSync(join(path, 'package.json')) ? readManifest(path) : undefined
  }
})()

const licences = new CycloneDX.Contrib.License.Factories.LicenseFactory(parseExpression)

const componentOf = (
  type: CycloneDX.Enums.ComponentType,
  name: string,
  version: string,
  manifest?: Manifest,
  integrity?: string,
) => {
  const [short = name, group] = name.split('/').reverse()
  const purl = new PackageURL('npm', group, short, version, undefined, undefined).toString()
  const component = new Models.Component(type, short, {
    ...(group === undefined ? {} : { group }),
    version,
    purl,
    bomRef: `${name}@${version}`,
  })
  if (manifest?.description) component.description = manifest.description
  if (typeof manifest?.license === 'string') component.licenses.add(licences.makeFromString(manifest.license))
  if (integrity?.startsWith('sha512-'))
    component.hashes.set(Enums.HashAlgorithm['SHA-512'], Buffer.from(integrity.slice(7), 'base64').toString('hex'))
  return component
}

const bom = new Models.Bom()
const own = new Map(
  packages.map(({ path, manifest }) => {
    const type = path.startsWith('apps/') ? Enums.ComponentType.Application : Enums.ComponentType.Library
    return [path, componentOf(type, manifest.name, manifest.version, manifest)]
  }),
)
const known = new Map<string, CycloneDX.Models.Component>()

/** The component of a package that the lock file names, with all below it. */
const thirdParty = (key: string): CycloneDX.Models.Component => {
  const seen = known.get(key)
  if (seen) return seen
  const id = withoutPeers(key)
  const at = id.lastIndexOf('@')
  const [name, version] = [id.slice(0, at), id.slice(at + 1)]
  const integrity = lock.packages[id]?.resolution?.integrity
  if (!integrity) throw new Error(`expected ${id} with its integrity in pnpm-lock.yaml: run "npx pnpm install"`)
  // One component a version, however many sets of peers it was resolved with.
  const component =
    [...known.values()].find(({ bomRef }) => bomRef.value === id) ??
    componentOf(Enums.ComponentType.Library, name, version, installed(name, version), integrity)
  known.set(key, component)
  const { dependencies = {}, optionalDependencies = {} } = lock.snapshots[key] ?? {}
  for (const [below, wanted] of Object.entries({ ...dependencies, ...optionalDependencies }))
    component.dependencies.add(thirdParty(`${below}@${wanted}`).bomRef)
  return component
}

for (const { path, manifest } of packages) {
  const { dependencies = {}, optionalDependencies = {}, devDependencies = {} } = lock.importers[path] ?? {}
  const peers = Object.keys(manifest.peerDependencies ?? {}).filter(
    (name) => manifest.peerDependenciesMeta?.[name]?.optional !== true,
  )
  const needed = {
    ...dependencies,
    ...optionalDependencies,
    ...Object.fromEntries(peers.map((name) => [name, (devDependencies[name] ?? dependencies[name])!])), // it is resolved for our own tests,
  }
  for (const [name, { version }] of Object.entries(needed)) {
    const linked = version.startsWith('link:') ? own.get(posix.join(path, version.slice(5))) : undefined
    own.get(path)!.dependencies.add((linked ?? thirdParty(`${name}@${version}`)).bomRef)
  }
}

const command = own.get('apps/cli')! // what is released
bom.metadata.component = command
bom.metadata.supplier = new Models.OrganizationalEntity({ name: 'digitlab' })
for (const component of [...own.values(), ...known.values()]) if (component !== command) bom.components.add(component)

const serialize = () =>
  new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6)).serialize(bom, {
    sortLists: true,
    space: 2,
  })
// A number of its own that the content decides.
const digest = createHash('sha256').update(serialize()).digest('hex')
bom.serialNumber = `urn:uuid:${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`
const text = `${serialize()}\n`

const invalid: unknown = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)
if (invalid !== null) throw new Error(`not valid CycloneDX 1.6: ${JSON.stringify(invalid)}`)

const at = process.argv.indexOf('--out')
const out = at < 0 ? undefined : process.argv[at + 1]
if (at >= 0 && out === undefined) {
  console.error('expected a file after --out: npm run sbom -- --out sbom.cdx.json')
  process.exit(1)
}
if (out === undefined) process.stdout.write(text)
else {
  mkdirSync(dirname(resolve(out)), { recursive: true })
  writeFileSync(out, text)
  console.error(`written: ${out}, ${bom.components.size + 1} packages`)
}
