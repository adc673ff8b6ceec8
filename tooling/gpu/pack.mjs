// @ts-check
// Packs everything that gpu.sh needs into one folder, for a GPU machine without Node and without a network:
//   npm run build && node tooling/gpu/pack.mjs FOLDER [--data FOLDER_OF_MNIST] [--golden FOLDER_OF_TRACES]
// Node's own binary, the program bundled, the kernels, koffi's binary for Linux x64, MNIST's four files and PyTorch's traces.
// Sizes stay small enough to be carried: some 45 MB; it takes half a minute and the programs strip and xz.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
import { catalogue, mnistFit } from '../../packages/models/dist/index.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values, positionals } = parseArgs({
  options: { data: { type: 'string' }, golden: { type: 'string', default: join(root, 'tooling/reference/traces') } },
  allowPositionals: true,
})
const [target] = positionals
const data = values.data ?? process.env['DIGITLAB_DATA']
if (!target || !data || !existsSync(join(data, 'train-images-idx3-ubyte.gz'))) {
  console.error('usage: node tooling/gpu/pack.mjs FOLDER --data FOLDER_OF_MNIST [--golden FOLDER_OF_TRACES]')
  process.exit(2)
}
if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(`the folder is for Linux x64, and this is ${process.platform} ${process.arch}: pack it there`)
  process.exit(1)
}
const out = resolve(target)
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

// What is bundled asks for files beside it by __dirname and require, as in CommonJS.
const banner = [
  "import { createRequire as packedRequire } from 'node:module'",
  "import { dirname as packedDirname } from 'node:path'",
  "import { fileURLToPath as packedPath } from 'node:url'",
  'const require = packedRequire(import.meta.url)',
  'const __filename = packedPath(import.meta.url)',
  'const __dirname = packedDirname(__filename)',
].join('\n')
await build({
  entry: {
    main: join(root, 'apps/cli/src/main.ts'),
    conformance: join(root, 'packages/backend-cuda/scripts/conformance.mjs'),
  },
  outDir: join(out, 'dist'),
  format: ['esm'],
  target: 'es2022',
  platform: 'node',
  noExternal: [/.*/],
  // Their own files, or packages that a user adds.
  external: ['koffi', '@tensorflow/tfjs-backend-webgpu'],
  banner: { js: banner },
  clean: true,
  config: false,
  silent: true,
})

const cuda = join(root, 'packages/backend-cuda')
cpSync(join(cuda, 'ptx'), join(out, 'ptx'), { recursive: true })
const wasm = realpathSync(join(root, 'packages/backend-wasm/node_modules/@tensorflow/tfjs-backend-wasm/dist'))
const module = 'tfjs-backend-wasm-simd.wasm'
mkdirSync(join(out, 'wasm'))
copyFileSync(join(wasm, module), join(out, 'wasm', module))

const koffi = realpathSync(join(cuda, 'node_modules/koffi'))
for (const [from, to] of /** @type {const} */ ([
  [koffi, 'koffi'],
  [realpathSync(join(koffi, '../@koromix/koffi-linux-x64')), '@koromix/koffi-linux-x64'],
]))
  cpSync(from, join(out, 'node_modules', to), {
    recursive: true,
    filter: (path) => !/\/(doc|src|vendor|musl_x64|node_modules)$/.test(path.slice(from.length)),
  })

mkdirSync(join(out, 'data'))
for (const file of readdirSync(data).filter((name) => /^(train|t10k)-.*-ubyte(\.gz)?$/.test(name)))
  copyFileSync(join(data, file), join(out, 'data', file))
if (values.golden)
  cpSync(values.golden, join(out, 'golden'), { recursive: true, filter: (path) => !path.endsWith('.md') })
for (const file of ['gpu/gpu.sh', 'gpu/speed.mjs', 'gpu/torch_gpu.py', 'reference/experiment.py'])
  copyFileSync(join(root, 'tooling', file), join(out, basename(file)))
writeFileSync(
  join(out, 'models.json'),
  JSON.stringify(
    Object.fromEntries(Object.entries(catalogue).map(([name, define]) => [name, define(mnistFit).layers])),
  ),
)
writeFileSync(join(out, 'package.json'), '{ "private": true, "type": "module" }\n')
writeFileSync(
  join(out, 'digitlab.mjs'),
  "import { main } from './dist/main.js'\nprocess.exitCode = await main(process.argv.slice(2))\n",
)
const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
writeFileSync(
  join(out, 'packed.json'),
  JSON.stringify({ commit, date: new Date().toISOString().slice(0, 10), node: process.version }),
)
copyFileSync(process.execPath, join(out, 'node'))
execFileSync('strip', [join(out, 'node')])
execFileSync('xz', ['--threads=0', join(out, 'node')])

/** @type {(path: string) => number} */
const sizeOf = (path) =>
  readdirSync(path, { withFileTypes: true }).reduce(
    (total, entry) =>
      total + (entry.isDirectory() ? sizeOf(join(path, entry.name)) : statSync(join(path, entry.name)).size),
    0,
  )
console.log(`${out}: ${(sizeOf(out) / 2 ** 20).toFixed(1)} MiB; on the GPU machine run ./gpu.sh in it`)
