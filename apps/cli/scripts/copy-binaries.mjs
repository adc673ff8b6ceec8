// @ts-check
// Copies what bundled code reads from files: tfjs's WebAssembly module and the cuda backend's kernels. Part of the build.
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = createRequire(import.meta.url)
const folder = (/** @type {string} */ name) => {
  const made = fileURLToPath(new URL(`../${name}`, import.meta.url))
  rmSync(made, { recursive: true, force: true })
  mkdirSync(made)
  return made
}

// The one of tfjs's three modules that the wasm backend takes in Node.
const module = 'tfjs-backend-wasm-simd.wasm'
const tfjs = createRequire(here.resolve('@digitlab/backend-wasm/package.json')).resolve('@tensorflow/tfjs-backend-wasm')
cpSync(join(dirname(tfjs), module), join(folder('wasm'), module))

cpSync(join(dirname(here.resolve('@digitlab/backend-cuda/package.json')), 'ptx'), folder('ptx'), { recursive: true })
