import asc from 'assemblyscript/asc'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Compiles assembly/*.ts, 'plain' or with 'relaxed' SIMD, to the bytes of a module; `names` keeps those of the functions. */
export const compile = async (flavour, { names = false } = {}) => {
  const features = flavour === 'relaxed' ? ['--enable', 'simd', '--enable', 'relaxed-simd'] : ['--enable', 'simd']
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-wasm-'))
  try {
    const file = join(folder, `${flavour}.wasm`)
    const { error, stderr } = await asc.main([
      'assembly/index.ts',
      // tfjs's memory is imported; the module brings no memory, no static data, no stack and no allocator of its own.
      ...['--importMemory', '--noExportMemory', '--runtime', 'stub'],
      ...['-O3', '--noAssert', ...(names ? ['--debug'] : []), ...features, '--baseDir', root, '--outFile', file],
    ])
    if (error) throw new Error(`the ${flavour} kernels do not compile:\n${stderr.toString()}`)
    return await readFile(file)
  } finally {
    await rm(folder, { recursive: true })
  }
}
