import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { hashOfSource } from './hash-of-source'
import { defineConfig, type Options } from 'tsup'

/**
 * Takes out of a build's source maps the text of our sources, which lie in the package beside them, and of those of others. What each
 * of ours was when it was built stays as a hash, by which a test tells a stale build.
 */
const leanMaps = {
  name: 'lean-maps',
  buildEnd({ writtenFiles }: { readonly writtenFiles: readonly { readonly name: string }[] }) {
    for (const { name } of writtenFiles.filter(({ name }) => name.endsWith('.map'))) {
      const { sourcesContent, ...map } = JSON.parse(readFileSync(name, 'utf8')) as {
        sources: string[]
        sourcesContent?: (string | null)[]
      }
      // What was bundled from another package of ours has lost its text before; of others' packages nobody asks.
      const textOf = (source: string) =>
        source.includes('/node_modules/') ? '' : readFileSync(resolve(dirname(name), source), 'utf8')
      const hashes = sourcesContent?.map((text, i) => hashOfSource(text ?? textOf(map.sources[i] ?? '')))
      writeFileSync(name, JSON.stringify({ ...map, x_digitlab_sources: hashes }))
    }
  },
}

/** The one way a package is built: ESM and CommonJS side by side, each with its types and source maps. */
export const library = (entry: string[] = ['src/index.ts'], more: Options = {}) =>
  defineConfig({
    entry,
    format: ['esm', 'cjs'],
    target: 'es2022',
    dts: true,
    sourcemap: true,
    clean: true,
    silent: true,
    plugins: [leanMaps],
    ...more,
  })
