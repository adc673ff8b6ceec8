// What every package.json must say so that its package can be taken on its own.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { entriesOf, publishedPackages, root, type Manifest } from './published'

const repository = 'https://github.com/digitlab/digitlab'
const workspace = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

describe.each(publishedPackages())('$path', (published) => {
  const { path, manifest } = published
  const isLibrary = path.startsWith('packages/')

  test('says what it is, whose it is and where it comes from', () => {
    expect(manifest).toMatchObject({
      license: 'MIT',
      author: 'The digitlab authors',
      homepage: `${repository}/tree/main/${path}#readme`,
      bugs: { url: `${repository}/issues` },
      repository: { type: 'git', url: `git+${repository}.git`, directory: path },
      type: 'module',
      engines: workspace.engines,
    })
    expect(manifest.version).toMatch(/^\d+\.\d+\.\d+(-[\w.-]+)?$/)
    expect(manifest.description).toMatch(/^[A-Z].{20,118}[^.]$/)
    expect(manifest.keywords?.length).toBeGreaterThanOrEqual(2)
    const [opening = ''] = readFileSync(join(root, path, 'README.md'), 'utf8').split(/^## /m)
    expect(opening.startsWith(`# ${manifest.name}\n\n`)).toBe(true)
    expect(opening, 'what it does and lines that run, before the first heading').toMatch(
      /\n[A-Z][^]{40,}\n```(js|sh)\b/,
    )
  })

  test('is open to everybody, ships its build and its sources, and runs nothing where it is installed', () => {
    // Provenance is left to the release on CI, the only place that can vouch for a build.
    expect(manifest.publishConfig).toEqual({ access: 'public' })
    expect(manifest.files).toEqual(expect.arrayContaining(['CHANGELOG.md', 'dist', 'src', '!src/**/*.test.ts']))
    expect(Object.keys(manifest.scripts ?? {}).filter((name) => /install|prepare|publish/.test(name))).toEqual([])
  })

  test('has every dependency pinned, from here by a range that follows it, and tfjs-core as a peer', () => {
    for (const [name, range] of Object.entries(manifest.dependencies ?? {}))
      if (/^(@digitlab\/|digitlab$)/.test(name)) expect(range, name).toBe('workspace:^')
      else expect(range, name).toMatch(/^(catalog:|\d+\.\d+\.\d+)$/)
    for (const [name, range] of Object.entries(manifest.peerDependencies ?? {}))
      expect(range, name).toMatch(/^(\^|>=)\d+\.\d+\.\d+$/)
    if (isLibrary) expect(manifest.dependencies ?? {}).not.toHaveProperty('@tensorflow/tfjs-core')
    // What only some need is never installed for all. tfjs-core is needed by whoever computes, and nobody does without a backend:
    // those bring it, and what reads weights or runs does not.
    const required = Object.keys(manifest.peerDependencies ?? {}).filter(
      (name) => manifest.peerDependenciesMeta?.[name]?.optional !== true,
    )
    expect(required).toEqual(path.startsWith('packages/backend-') ? ['@tensorflow/tfjs-core'] : [])
  })

  if (isLibrary)
    test('has types for ES modules and for CommonJS at every entry', () => {
      expect(manifest.sideEffects).toBe(false)
      expect(entriesOf(published).map(({ name }) => name)).toContain('index')
      for (const { name } of entriesOf(published)) {
        const entry = manifest.exports?.[name === 'index' ? '.' : `./${name}`]
        // The order counts: the first condition that holds is taken, and types come before code.
        expect(JSON.stringify(entry)).toBe(
          JSON.stringify({
            '@digitlab/source': `./src/${name}.ts`,
            import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
            require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
          }),
        )
      }
      expect(manifest.exports).toHaveProperty(['./package.json'], './package.json')
      // For tools that do not know "exports".
      expect(manifest).toMatchObject({
        main: './dist/index.cjs',
        module: './dist/index.js',
        types: './dist/index.d.ts',
      })
    })
  else
    test('is a command and nothing that can be imported', () => {
      expect(Object.keys(manifest.bin ?? {})).toEqual([manifest.name])
      expect(manifest.exports).toEqual({ './package.json': './package.json' })
    })
})
