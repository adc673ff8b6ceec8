import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { compiled } from '../vitest/compiled'
import { notesOf } from './notes'
import { publishedPackages, withNeeded } from './packages'
import { rehearsalFlags } from './rehearse-flags'
import { releaseFlags } from './release-flags'
import { faultsOf } from './tarballs'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const packages = publishedPackages(root)

describe('the order in which packages are published', () => {
  test('puts each after what it depends on', () => {
    const names = packages.map(({ name }) => name)
    for (const { name, manifest } of packages)
      for (const needed of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
        if (names.includes(needed))
          expect(names.indexOf(needed), `${needed} before ${name}`).toBeLessThan(names.indexOf(name))
    expect(names).toContain('@digitlab/idx')
    expect(names.at(-1)).toBe('digitlab')
  })

  test('some are published with what they depend on', () => {
    expect(
      [...withNeeded(packages, ['@digitlab/data'])].filter((name) => name.startsWith('@digitlab/')).sort(),
    ).toEqual(['@digitlab/data', '@digitlab/idx', '@digitlab/random'])
    expect(() => withNeeded(packages, ['data'])).toThrow('there is no package data: choose from ')
  })

  test('does not exist for a circle', () => {
    const folder = mkdtempSync(join(tmpdir(), 'digitlab-circle-'))
    for (const [name, needed] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      mkdirSync(join(folder, 'packages', name), { recursive: true })
      const manifest = { name, version: '1.0.0', dependencies: { [needed]: 'workspace:^' } }
      writeFileSync(join(folder, 'packages', name, 'package.json'), JSON.stringify(manifest))
    }
    expect(() => publishedPackages(folder)).toThrow('packages depend on one another in a circle: a -> b -> a')
    rmSync(folder, { recursive: true })
  })
})

describe('changesets', () => {
  interface Config {
    readonly access: string
    readonly linked: string[][]
    readonly privatePackages: { readonly version: boolean }
  }
  const config = JSON.parse(readFileSync(join(root, '.changeset', 'config.json'), 'utf8')) as Config

  test('every backend has the version line of the operations whose kernels it has', () => {
    const [linked = []] = config.linked
    const matches = (name: string) => linked.some((one) => new RegExp(`^${one.replace('*', '.*')}$`).test(name))
    const compute = packages.filter(({ name }) => /^@digitlab\/(ops|backend.*)$/.test(name)).map(({ name }) => name)
    expect(packages.filter(({ name }) => matches(name)).map(({ name }) => name)).toEqual(compute)
    expect(config.access).toBe('public')
    expect(config.privatePackages.version).toBe(false)
  })

  test('a package that has never been released has one, of its own name, which says what it is', () => {
    const folder = join(root, '.changeset')
    const files = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md')
    for (const file of files) {
      const [, front = ''] = readFileSync(join(folder, file), 'utf8').split('---')
      const named = packages.filter(({ name }) => front.includes(`'${name}'`))
      for (const { name, version } of named)
        if (version === '0.0.0') expect([file, named.length]).toEqual([`${name.replace('@digitlab/', '')}.md`, 1])
    }
  })

  test('no package of ours is a peer of another: its minor versions would be major ones of the other', () => {
    for (const { name, manifest } of packages)
      expect(
        Object.keys(manifest.peerDependencies ?? {}).filter((peer) => /^(@digitlab\/|digitlab$)/.test(peer)),
        name,
      ).toEqual([])
  })

  test('packages of the workspace ask for each other by a caret', () => {
    for (const { name, manifest } of packages)
      for (const [needed, range] of Object.entries(manifest.dependencies ?? {}))
        if (needed.startsWith('@digitlab/')) expect(range, `${name}: ${needed}`).toBe('workspace:^')
  })
})

describe('a tarball', () => {
  const expected = { name: '@digitlab/a', version: '0.2.0' }
  const versions = new Map([
    ['@digitlab/a', '0.2.0'],
    ['@digitlab/b', '0.3.0'],
  ])
  const manifest = {
    ...expected,
    main: './dist/index.cjs',
    exports: {
      '.': { import: { types: './dist/index.d.ts', default: './dist/index.js' } },
      './schema/*': './schema/*',
    },
    dependencies: { '@digitlab/b': '^0.3.0', other: '1.0.0' },
  }
  const files = ['README.md', 'LICENSE', 'package.json', 'dist/index.cjs', 'dist/index.d.ts', 'dist/index.js']

  test('passes where all is there', () => {
    expect(faultsOf(expected, manifest, files, versions)).toEqual([])
  })

  test.each([
    ['an older version', { version: '0.1.0' }, files, 'its version is 0.1.0 instead of 0.2.0'],
    ['a missing file', {}, files.filter((file) => file !== 'dist/index.d.ts'), 'dist/index.d.ts is missing'],
    ['a missing licence', {}, files.filter((file) => file !== 'LICENSE'), 'LICENSE is missing'],
    [
      'a folder that was not built',
      { files: ['dist', 'page', '!dist/**/*.map'] },
      files,
      'nothing of page, which "files" names, is there',
    ],
    ['a command that is not there', { bin: { a: './bin/a.js' } }, files, 'bin/a.js is missing'],
    [
      'a range of the workspace',
      { dependencies: { '@digitlab/b': 'workspace:^' } },
      files,
      '@digitlab/b is asked for as workspace:^',
    ],
    ['a catalogue', { peerDependencies: { tfjs: 'catalog:' } }, files, 'tfjs is asked for as catalog:'],
    [
      'a range from before',
      { dependencies: { '@digitlab/b': '^0.2.0' } },
      files,
      '@digitlab/b is asked for as ^0.2.0 instead of ^0.3.0',
    ],
  ])('is refused with %s', (_, change, there, fault) => {
    expect(faultsOf(expected, { ...manifest, ...change }, there, versions)).toEqual([fault])
  })
})

test("a release's notes are the changelogs' new parts; what only follows its dependencies is named at the end", () => {
  const one = {
    name: '@digitlab/idx',
    version: '0.2.0',
    changelog:
      '# @digitlab/idx\n\n## 0.2.0\n\n### Minor Changes\n\n- Streams.\n\n  In two paragraphs.\n\n### Patch Changes\n\n- Newer dependencies: @digitlab/random 0.2.0\n\n## 0.1.0\n\n- Old.\n',
  }
  const two = {
    name: 'digitlab',
    version: '0.1.1',
    changelog:
      '# digitlab\n\n## 0.1.1\n\n### Patch Changes\n\n- Newer dependencies: @digitlab/idx 0.2.0, @digitlab/data 0.1.1\n',
  }
  expect(notesOf([one, two])).toEqual({
    tag: 'digitlab@0.1.1',
    notes: '## @digitlab/idx 0.2.0\n\n- Streams.\n\n  In two paragraphs.\n\nWith newer dependencies: digitlab 0.1.1.\n',
  })
  expect(notesOf([one]).tag).toBe('@digitlab/idx@0.2.0')
})

test.each([
  ['release', ['--wrong'], "Unknown option '--wrong'"],
  ['release', ['now'], "Unexpected argument 'now'"],
  ['release', ['--snapshot', 'latest'], "a snapshot's tag is a word in small letters other than latest, not latest"],
  ['rehearse', ['--only', 'idx,webgl'], '--only names webgl: choose from idx, '],
  ['rehearse', ['--packages', '@digitlab/idx'], '--packages @digitlab/idx leaves out @digitlab/data'],
  ['rehearse', ['--publish', '--quick'], '--publish tells of everything: leave out --only, --quick and'],
])('%s %j is refused in a sentence', (script, flags, sentence) => {
  expect(() => (script === 'release' ? releaseFlags(flags) : rehearsalFlags(flags))).toThrow(sentence)
})

test.each(['release.ts', 'rehearse.ts'])(
  '%s ends with a sentence and exit code 2 where it is asked for what cannot be',
  async (script) => {
    const program = await compiled(join(here, script))
    const { status, stderr } = spawnSync(process.execPath, [program, '--wrong'], { encoding: 'utf8' })
    expect(stderr).toMatch(/^Unknown option '--wrong'.* \(--help lists what there is\)\n$/)
    expect(status).toBe(2)
  },
)
