// A script of ours as tests start it: bundled by esbuild. tsx, which people start it by, costs each start up to a second of processor time, as it
// looks at the modules of others, too.
import { mkdtemp, readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, transform, type Plugin } from 'esbuild'
import { inject } from 'vitest'

/** Each of our modules knows itself by its own place, and imports from there what is not ours. */
const inPlace: Plugin = {
  name: 'in place',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]s$/ }, async ({ path }) => {
      const loader = path.endsWith('ts') ? 'ts' : 'js'
      const define = { 'import.meta.url': JSON.stringify(pathToFileURL(path).href) }
      const { code } = await transform(await readFile(path, 'utf8'), {
        loader,
        define,
        format: 'esm',
        target: 'node20',
      })
      return { contents: code, loader: 'js' }
    })
    build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (pluginData === inPlace || kind === 'entry-point') return undefined
      if (isBuiltin(path)) return { path, external: true }
      const found = await build.resolve(path, { kind, resolveDir, pluginData: inPlace })
      return found.errors.length > 0
        ? { errors: found.errors }
        : { path: pathToFileURL(found.path).href, external: true }
    })
  },
}

/**
 * Compiles a script.
 *
 * @param script the path of a `.ts` file
 * @returns the path of what Node runs in its place, until the tests end
 */
export const compiled = async (script: string): Promise<string> => {
  const outdir = await mkdtemp(join(inject('sharedFolder'), 'compiled-'))
  await build({
    ...{ entryPoints: [script], outdir, bundle: true, logLevel: 'silent', plugins: [inPlace] },
    ...{ splitting: true, outExtension: { '.js': '.mjs' } }, // what is imported when it is needed stays so
    // As Node resolves, to what is built.
    ...{ platform: 'node', format: 'esm', target: 'node20', conditions: [], mainFields: ['main'] },
  } as const)
  return join(outdir, `${basename(script, '.ts')}.mjs`)
}
