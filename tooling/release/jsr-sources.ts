// What JSR gets of a package: its sources, with imports that say everything (file names in full, npm packages with their ranges), and a
// jsr.json made of package.json.
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, posix } from 'node:path'
import { publishedPackages, type Manifest, type PublishedPackage } from '../packages/published'
import { ReleaseError } from './release-error'

/** Those that consist of code alone, and do without TensorFlow.js. */
const names: readonly string[] = ['@digitlab/idx', '@digitlab/random', '@digitlab/weights']

/** The packages of a workspace that go to JSR beside npm. */
export const jsrPackages = (root: string): PublishedPackage[] =>
  publishedPackages(root).filter(({ manifest }) => names.includes(manifest.name))

/** What JSR is told of a package: its jsr.json. */
export const jsrManifest = ({ name, version, license, exports = {} }: Manifest) => ({
  name,
  version,
  license,
  exports: Object.fromEntries(
    Object.entries(exports).flatMap(([subpath, target]) => {
      const source = typeof target === 'string' ? undefined : target['@digitlab/source']
      return typeof source === 'string' ? [[subpath, source]] : []
    }),
  ) as Readonly<Record<string, string>>,
})

/** How JSR is to find what a source imports. */
const specifierFor = (
  specifier: string,
  manifest: Manifest & { readonly devDependencies?: Readonly<Record<string, string>> },
  versions: ReadonlyMap<string, string>,
): string => {
  if (specifier.startsWith('node:')) return specifier
  if (specifier.startsWith('.')) return specifier.endsWith('.ts') ? specifier : `${specifier}.ts`
  const [name = ''] = /^(?:@[^/]+\/)?[^/]+/.exec(specifier) ?? []
  const version = versions.get(name)
  // What is bundled into npm's package is a dependency of its development.
  const range = version === undefined ? { ...manifest.devDependencies, ...manifest.dependencies }[name] : `^${version}`
  if (range === undefined || /^\w+:/.test(range))
    throw new ReleaseError(
      `${manifest.name} imports ${specifier}, for which its package.json has no version that JSR could take: name one there`,
    )
  return `npm:${name}@${range}${specifier.slice(name.length)}`
}

/**
 * Writes a package as JSR gets it.
 *
 * @param root the workspace
 * @param folder where to; an empty one
 * @returns the paths of its files in there
 * @throws ReleaseError where a source imports what package.json does not name
 */
export const writeJsrSources = async (root: string, one: PublishedPackage, folder: string): Promise<string[]> => {
  const { preProcessFile } = (await import('typescript')).default // here: the rehearsal has jsr-sources at hand, and rarely needs it
  const versions = new Map(publishedPackages(root).map(({ manifest }) => [manifest.name, manifest.version]))
  const manifest = jsrManifest(one.manifest)
  const files = new Map([['jsr.json', `${JSON.stringify(manifest, null, 2)}\n`]])
  const open = Object.values(manifest.exports).map((path) => posix.normalize(path))
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (files.has(path)) continue
    let text = await readFile(join(root, one.path, path), 'utf8')
    for (const { fileName, pos } of preProcessFile(text, true, true).importedFiles.toReversed()) {
      const specifier = specifierFor(fileName, one.manifest, versions)
      const start = pos + 1 // behind the quote
      text = text.slice(0, start) + specifier + text.slice(start + fileName.length)
      if (specifier.startsWith('.')) open.push(posix.join(posix.dirname(path), specifier))
    }
    files.set(path, text)
  }
  const beside = ['README.md', 'CHANGELOG.md', 'THIRD-PARTY-NOTICES.md'].map((file) => join(one.path, file))
  for (const file of ['LICENSE', ...beside].map((file) => join(root, file)))
    if (existsSync(file)) files.set(basename(file), await readFile(file, 'utf8'))
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return [...files.keys()].toSorted()
}
