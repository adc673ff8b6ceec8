// The line that installs what a README's first example needs: it names all of it, so that it does under pnpm and Yarn PnP as well,
// where what comes with a dependency cannot be imported.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { publishedPackages, root } from './published'

interface Manifest {
  readonly name: string
  readonly exports?: unknown
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

const packages = publishedPackages().map(({ path }) => ({
  path,
  manifest: JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as Manifest,
}))

const requiredPeers = (name: string): string[] => {
  const { peerDependencies = {}, peerDependenciesMeta = {} } =
    packages.find(({ manifest }) => manifest.name === name)?.manifest ?? {}
  return Object.keys(peerDependencies).filter((peer) => !peerDependenciesMeta[peer]?.optional)
}

const packageOf = (specifier: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? ''

/** All that the first example needs, the package itself first. */
const neededBy = (name: string, readme: string): string[] => {
  const [, code = ''] = /```js[^\n]*\n([\s\S]*?)```/.exec(readme) ?? []
  const imported = [...code.matchAll(/(?:from|import) '([^'.][^']*)'/g)]
    .map(([, specifier = '']) => specifier)
    .filter((specifier) => !specifier.startsWith('node:'))
    .map(packageOf)
  const named = [...new Set([name, ...imported])]
  return [...new Set([...named, ...named.flatMap(requiredPeers)])]
}

describe.each(packages.filter(({ path }) => path.startsWith('packages/')))('$manifest.name', ({ path, manifest }) => {
  test('its README installs what the first example imports, with its peers, before the example', () => {
    const readme = readFileSync(join(root, path, 'README.md'), 'utf8')
    const [before = ''] = readme.split('```js')
    const [, line = ''] = /^npm install (.*)$/m.exec(before) ?? []
    const installed = line.split(' ')
    expect(installed[0]).toBe(manifest.name)
    expect(installed.toSorted()).toEqual(neededBy(manifest.name, readme).toSorted())
  })
})
