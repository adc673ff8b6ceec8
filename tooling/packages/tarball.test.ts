// What is in a package as the registry gets it, and whether it can be imported from everywhere.
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, posix } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { hashOfSource } from '../tsup/hash-of-source'
import { textOf, type Packed } from './packed'
import { packAll } from './packed-once'
import { publishedPackages, root } from './published'

let packed: Packed[] = []
beforeAll(async () => {
  packed = await packAll()
})

/** TensorFlow.js requires it where Node has no fetch of its own, which no Node that ours run on lacks. */
const neverAsked = 'node-fetch'

/** The name of the package that an import takes something from. */
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

describe.each(publishedPackages().map(({ path, manifest }) => ({ path, types: manifest.types !== undefined })))(
  '$path',
  ({ path, types }) => {
    const found = (): Packed => {
      const one = packed.find((candidate) => candidate.path === path)
      if (!one) throw new Error(`${path} was not packed`)
      return one
    }

    test('ships licence, README, build and sources, and no tests', () => {
      const { files, manifest } = found()
      expect(textOf(files, 'LICENSE')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'))
      const names = [...files.keys()]
      expect(names).toEqual(expect.arrayContaining(['README.md', 'package.json']))
      expect(names.filter((name) => /\.test\.|(^|\/)(node_modules|testing)\/|\.tsbuildinfo$/.test(name))).toEqual([])
      for (const program of Object.values(manifest.bin ?? {})) expect(names).toContain(program)
      expect(JSON.stringify(manifest)).not.toMatch(/workspace:|catalog:/)
    })

    test('is at most 120 kB, or its README says why it is larger, and how large', () => {
      const { tarball, files } = found()
      const [, said] = /^Packed size: ([\d,]+) kB, because \S/m.exec(textOf(files, 'README.md')) ?? []
      const kilobytes = tarball.length / 1000
      if (said === undefined) return expect(kilobytes).toBeLessThanOrEqual(120)
      expect(kilobytes, 'as its README says, to a tenth').toBeGreaterThan(0.9 * Number(said.replace(',', '')))
      expect(kilobytes, 'as its README says, to a tenth').toBeLessThan(1.1 * Number(said.replace(',', '')))
    })

    test('has a source map for all code in dist, and in the package every source that one names', () => {
      const { files } = found()
      const code = [...files.keys()].filter((name) => /^dist\/.*\.c?js$/.test(name))
      expect(code.length).toBeGreaterThan(0)
      for (const name of code) {
        expect(textOf(files, name), name).toContain(`//# sourceMappingURL=${posix.basename(name)}.map`)
        const map = JSON.parse(textOf(files, `${name}.map`)) as {
          sources: string[]
          sourcesContent?: string[]
          x_digitlab_sources?: string[]
        }
        expect(map.sourcesContent, 'the text of what lies in src').toBeUndefined()
        for (const [i, source] of map.sources.entries()) {
          const [, owner] = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source) ?? []
          if (owner !== undefined) {
            expect(textOf(files, 'THIRD-PARTY-NOTICES.md'), `the licence of what ${name} bundles`).toContain(
              `## ${owner} `,
            )
            continue
          }
          const place = posix.join(posix.dirname(name), source)
          // The command bundles packages of ours, which ship their sources themselves.
          const text = place.startsWith('../') ? readFileSync(join(root, path, place), 'utf8') : textOf(files, place)
          // package.json is written anew for the registry.
          if (source !== '../package.json')
            expect(hashOfSource(text), `${source} as it was when ${name} was built ("npm run build")`).toBe(
              map.x_digitlab_sources?.[i],
            )
        }
      }
    })

    test('names every package that its code or its types import', () => {
      const { files, manifest } = found()
      const declared = new Set([
        manifest.name,
        ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }),
      ])
      const undeclared = [...files.keys()]
        .filter((name) => /^(dist|bin)\/.*\.(c?js|d\.c?ts)$/.test(name))
        .flatMap((name) => {
          const text = textOf(files, name)
          // esbuild gives a require that it leaves in a module a name of its own
          const required = Array.from(text.matchAll(/\b__require\d*\("([^"]+)"\)/g), ([, specifier = '']) => specifier)
          return [...ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName), ...required]
        })
        .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
        .filter((specifier) => !declared.has(packageOf(specifier)) && specifier !== neverAsked)
      expect(undeclared).toEqual([])
    })

    if (path === 'apps/cli')
      test('asks for nothing that it has bundled', () => {
        const { dependencies = {} } = found().manifest
        expect(Object.keys(dependencies).filter((name) => /^@(digitlab|tensorflow)\//.test(name))).toEqual([])
      })

    test('publint finds nothing to mend', async () => {
      const { tarball, manifest } = found()
      const { messages } = await publint({ pack: { tarball: tarball.slice().buffer }, strict: true })
      expect(messages.map((message) => formatMessage(message, manifest as object, { color: false }))).toEqual([])
    })

    if (!types) return // a command
    test('its types are right however it is resolved', async () => {
      const checked = await checkPackage(createPackageFromTarballData(found().tarball))
      if (!checked.types) throw new Error('are-the-types-wrong found no types')
      // Resolution of before 2022 does not know entries such as "@digitlab/data/node"; no supported Node is without "exports".
      const problems = checked.problems.filter(
        (problem) =>
          !(problem.kind === 'NoResolution' && problem.resolutionKind === 'node10' && problem.entrypoint !== '.'),
      )
      expect(problems).toEqual([])
    })
  },
)
