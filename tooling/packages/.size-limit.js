// @ts-check
// What the code of each entry weighs in a page that bundles it, minified and compressed by Brotli: with the packages that it
// needs, but without tfjs's own and without what is loaded only when it is asked for. Those files are weighed apart, as they lie in the
// package; and so are the GPU kernels, by gzip: no page loads them, they come with the package's tarball.
import { readFileSync, readdirSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entriesOf, publishedPackages, root } from './published'

const here = fileURLToPath(new URL('.', import.meta.url))
/** As a pattern of files has it, on Windows too. */
const fromHere = (/** @type {string} */ path) => relative(here, path).replaceAll('\\', '/')
const budgets = JSON.parse(readFileSync(join(here, 'size-budgets.json'), 'utf8'))

/** @type {import('esbuild').Plugin} */
const outside = {
  name: 'outside',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ path, kind }) =>
      kind === 'dynamic-import' || isBuiltin(path) || path.startsWith('@tensorflow/') || path === 'koffi'
        ? { path, external: true }
        : undefined,
    )
  },
}

const bundled = publishedPackages().flatMap((published) =>
  entriesOf(published).map(({ specifier, module }) => ({
    name: specifier,
    path: fromHere(module),
    modifyEsbuildConfig: (/** @type {import('esbuild').BuildOptions} */ config) => ({
      ...config,
      format: 'esm',
      plugins: [outside],
      logLevel: 'error',
    }),
  })),
)

/**
 * Files of a package, each as it is, of which a program loads some.
 *
 * @type {(name: string, folder: string, pattern: RegExp, compressed: { gzip?: true, brotli?: false }) => { name: string, path: string, disablePlugins: string[] }[]}
 */
const files = (name, folder, pattern, compressed) =>
  readdirSync(join(root, folder))
    .filter((file) => pattern.test(file))
    .map((file) => ({
      name: `${name}, ${file.replace(/-[A-Z0-9]{8}(?=\.)/, '')}`,
      path: fromHere(join(root, folder, file)),
      disablePlugins: ['@size-limit/esbuild'],
      ...compressed,
    }))

const apart = [
  ...files('@digitlab/backend-wasm', 'packages/backend-wasm/dist', /^(plain|relaxed)-.*\.js$/, {}),
  ...files('@digitlab/backend-cuda', 'packages/backend-cuda/ptx', /\.ptx$/, { gzip: true, brotli: false }),
]

// Without a budget for it size-limit only measures; "npm run size" then says so.
export default [...bundled, ...apart].map((check) =>
  Object.hasOwn(budgets, check.name) ? { ...check, limit: `${budgets[check.name]} kB` } : check,
)
