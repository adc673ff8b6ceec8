// @ts-check
// pnpm --filter @digitlab/backend-wasm time [--help]: what tooling/bench/kernels.ts does, bundled first: threads are given functions of
// backend-wasm as text, which has to be what its build makes of them, and the sources are what is timed.
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'

const root = new URL('../../../', import.meta.url)
// Where the packages of the bench are found, and nothing is committed.
const outfile = new URL('tooling/bench/node_modules/.cache/kernels.mjs', root)
await build({
  entryPoints: [fileURLToPath(new URL('tooling/bench/kernels.ts', root))],
  outfile: fileURLToPath(outfile),
  ...{ bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'error' },
  conditions: ['@digitlab/source'],
  external: ['@tensorflow/*', 'oxfmt'],
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
})
const { main } = /** @type {{ main: (root: string, args: string[]) => Promise<void> }} */ (await import(outfile.href))
await main(fileURLToPath(root), process.argv.slice(2))
