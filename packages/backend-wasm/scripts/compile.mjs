// @ts-check
import asc from 'assemblyscript/asc'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Compiles assembly/*.ts, 'plain' or with 'relaxed' SIMD, to the bytes of a module; with `names`, of one that is half optimized and keeps
 * those of its functions.
 *
 * @param {'plain' | 'relaxed'} flavour
 */
export const compile = async (flavour, { names = false } = {}) => {
  const features = ['simd', 'threads', ...(flavour === 'relaxed' ? ['relaxed-simd'] : [])]
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-wasm-'))
  try {
    const file = join(folder, `${flavour}.wasm`)
    const { error, stderr } = await asc.main([
      'assembly/index.ts',
      // tfjs's memory is imported; the module brings no memory, no static data, no stack and no allocator of its own.
      ...['--importMemory', '--noExportMemory', '--runtime', 'stub'],
      // As tfjs declares its own, which is shared or not: `src/sharing.ts` says which when the module is loaded.
      ...['--sharedMemory', '--initialMemory', '0', '--maximumMemory', '65536'],
      ...features.flatMap((feature) => ['--enable', feature]),
      ...[...(names ? ['-O1', '--debug'] : ['-O3']), '--noAssert', '--baseDir', root, '--outFile', file],
    ])
    if (error) throw new Error(`the ${flavour} kernels do not compile:\n${stderr.toString()}`)
    return await readFile(file)
  } finally {
    await rm(folder, { recursive: true })
  }
}
