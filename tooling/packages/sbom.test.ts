import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compiled } from '../vitest/compiled'
import { publishedPackages, root } from './published'

interface Component {
  readonly 'bom-ref': string
  readonly purl: string
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
  readonly licenses?: readonly unknown[]
}

interface Bom {
  readonly serialNumber: string
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}

const script = await compiled(join(root, 'tooling/packages/sbom.ts'))
const make = (...args: string[]): string => execFileSync(process.execPath, [script, ...args], { encoding: 'utf8' })

describe('the bill of materials', () => {
  const text = make()
  const bom = JSON.parse(text) as Bom
  const below = (ref: string): readonly string[] =>
    bom.dependencies.find((dependency) => dependency.ref === ref)?.dependsOn ?? []

  test('has every published package, with what it depends on', () => {
    const all = [bom.metadata.component, ...bom.components]
    for (const { manifest } of publishedPackages()) {
      const ref = `${manifest.name}@${manifest.version}`
      expect(all.map((component) => component['bom-ref'])).toContain(ref)
      const named = [
        ...Object.keys(manifest.dependencies ?? {}),
        ...Object.keys(manifest.peerDependencies ?? {}).filter(
          (name) => !manifest.peerDependenciesMeta?.[name]?.optional,
        ),
      ]
      const found = below(ref).map((other) => other.slice(0, other.lastIndexOf('@')))
      expect(found.sort(), ref).toEqual([...new Set(named)].sort())
    }
  })

  test('knows the hash of everything from others and where to look it up, and names what only development needs nowhere', () => {
    const others = bom.components.filter(({ purl }) => !/pkg:npm\/(%40digitlab\/|digitlab@)/.test(purl))
    expect(others.length).toBeGreaterThan(20)
    for (const { purl, hashes } of others) {
      expect(purl).toMatch(/^pkg:npm\/.+@\d+\./)
      expect(hashes, purl).toEqual([{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) as string }])
    }
    const core = others.find(({ purl }) => purl.startsWith('pkg:npm/%40tensorflow/tfjs-core@'))
    expect(core?.licenses).toEqual([{ license: { id: 'Apache-2.0' } }])
    expect(others.filter(({ purl }) => /\/(vitest|typescript|eslint|tsup)@/.test(purl))).toEqual([])
  })

  test('every reference leads somewhere', () => {
    const refs = new Set([bom.metadata.component, ...bom.components].map((component) => component['bom-ref']))
    const used = bom.dependencies.flatMap(({ ref, dependsOn = [] }) => [ref, ...dependsOn])
    expect(used.filter((ref) => !refs.has(ref))).toEqual([])
    expect(bom.components.length).toBe(new Set(bom.components.map(({ purl }) => purl)).size)
  })

  test('is the same bytes for the same lock file', () => {
    expect(make()).toBe(text)
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
