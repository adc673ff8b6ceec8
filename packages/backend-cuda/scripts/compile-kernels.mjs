// @ts-check
// Compiles cuda/*.cu to PTX with clang, without the CUDA toolkit: `node scripts/compile-kernels.mjs` writes ptx/*.ptx, which are
// committed, so that nobody else needs a compiler. The PTX is of version 7.0, for compute capability 6.0 (8.0 where it is for tensor
// cores) and everything newer: a driver compiles it for the GPU it finds.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * A PTX file and what it is compiled from, for the oldest GPU: '60' for compute capability 6.0.
 *
 * @typedef {{ readonly name: 'kernels' | 'convolution' | 'tensor-cores', readonly source: string, readonly capability: string }} Target
 */

/**
 * What is compiled to what.
 *
 * @type {readonly Target[]}
 */
export const targets = [
  { name: 'kernels', source: 'cuda/kernels.cu', capability: '60' },
  { name: 'convolution', source: 'cuda/convolution.cu', capability: '60' },
  { name: 'tensor-cores', source: 'cuda/tensor-cores.cu', capability: '80' },
]

/** The SHA-256 of all sources: says whether a PTX is theirs. */
export const hashOfSources = () => {
  const hash = createHash('sha256')
  for (const file of readdirSync(`${root}/cuda`).sort())
    hash.update(`${file}\n`).update(readFileSync(`${root}/cuda/${file}`, 'utf8').replaceAll('\r\n', '\n'))
  return hash.digest('hex')
}

/** The compiler's version, or undefined where there is none that writes PTX. */
export const clangVersion = (clang = 'clang') => {
  const { stdout, status } = spawnSync(clang, ['--version'], { encoding: 'utf8' })
  const targets = spawnSync(clang, ['--print-targets'], { encoding: 'utf8' }).stdout ?? ''
  return status === 0 && targets.includes('nvptx64') ? /version ([\d.]+)/.exec(stdout)?.[1] : undefined
}

/**
 * The PTX of a target, with a header that says what made it.
 *
 * @param {Target} target
 */
export const compile = ({ source, capability }, clang = 'clang') => {
  const version = clangVersion(clang)
  if (version === undefined)
    throw new Error(`${clang} is not here or writes no PTX: install clang 14 (Debian: apt install clang)`)
  const args = [
    ...['-x', 'cuda', '--cuda-device-only', `--cuda-gpu-arch=sm_${capability}`, '-nocudainc', '-nocudalib'],
    ...['-Xclang', '-target-feature', '-Xclang', '+ptx70', '-Wno-unknown-cuda-version'],
    ...['-std=c++17', '-O3', '-ffp-contract=off', '-Wall', '-Wextra', '-Werror', '-S', '-o', '-', source],
  ]
  const { status, stdout, stderr } = spawnSync(clang, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`${source} does not compile:\n${stderr}`)
  return `// Made by scripts/compile-kernels.mjs with clang ${version}; sources ${hashOfSources()}\n${stdout}`
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const target of targets) {
    const ptx = compile(target, process.env['CLANG'] ?? 'clang')
    writeFileSync(`${root}/ptx/${target.name}.ptx`, ptx)
    console.log(`${target.name}: ${ptx.match(/\.entry /g)?.length ?? 0} kernels, ${ptx.length} bytes`)
  }
