// tfjs-core's own operator tests: bundled with the sources of a backend, so that there is one tfjs-core, and run in a process of
// their own.
import { build, type Plugin } from 'esbuild'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { SpecResult } from './sides/boot'

export type { SpecResult }

/** What runs them: a file in `sides`. */
export type Side = 'cpu-ours' | 'cpu-stock' | 'cuda-ours' | 'wasm-ours' | 'wasm-stock'

const here = fileURLToPath(new URL('.', import.meta.url))
const require = createRequire(import.meta.url)
const tests = dirname(require.resolve('@tensorflow/tfjs-core/dist/index.js'))

/** The files of tests that tfjs-core ships, as paths within its `dist`. */
export const specFiles = async (): Promise<string[]> =>
  (await readdir(tests, { recursive: true })).filter((path) => path.endsWith('_test.js')).sort()

/** Our sources look for files beside them, wherever they are bundled to; koffi brings a binary that it finds by itself. */
const inPlace: Plugin = {
  name: 'in place',
  setup(build) {
    build.onLoad({ filter: /[/\\](packages|tfjs)[/\\].*\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: 'ts',
    }))
    build.onResolve({ filter: /^koffi$/ }, () => ({
      path: pathToFileURL(require.resolve('koffi')).href,
      external: true,
    }))
  },
}

/**
 * Runs tests of tfjs-core on a backend.
 *
 * @param files of {@link specFiles}
 */
export const runSpecs = (side: Side, files: readonly string[]): Promise<SpecResult[]> =>
  runBundled(
    [
      `import { runSpecs } from './sides/boot'`,
      `import './sides/${side}'`,
      ...files.map((file) => `import ${JSON.stringify(join(tests, file))}`),
    ],
    'runSpecs()',
  )

/**
 * Runs a program that is bundled with one tfjs-core, in a process of its own.
 *
 * @param imports its first lines
 * @param result what it answers with, as JSON
 */
export const runBundled = async <T>(imports: readonly string[], result: string): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-specs-'))
  try {
    const program = join(folder, 'specs.mjs')
    const results = join(folder, 'results.json')
    const contents = [
      `import { writeFileSync } from 'node:fs'`,
      ...imports,
      `writeFileSync(${JSON.stringify(results)}, JSON.stringify(await ${result}))`,
      `process.exit(0)`, // whatever a test left waiting
    ].join('\n')
    await build({
      stdin: { contents, resolveDir: here, loader: 'ts' },
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'error',
      conditions: ['@digitlab/source'],
      mainFields: ['module', 'main'],
      ignoreAnnotations: true, // a test has nothing but side effects
      define: { wasmFolder: JSON.stringify(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`) },
      plugins: [inPlace],
      banner: {
        js: `import { createRequire as requireFrom } from 'node:module'
const require = requireFrom(${JSON.stringify(import.meta.url)})
const __dirname = ${JSON.stringify(folder)}`,
      },
    })
    await promisify(execFile)(process.execPath, ['--max-old-space-size=4096', program], { maxBuffer: 2 ** 28 })
    return JSON.parse(await readFile(results, 'utf8')) as T
  } finally {
    await rm(folder, { recursive: true })
  }
}
