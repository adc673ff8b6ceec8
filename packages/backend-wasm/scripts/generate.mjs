// @ts-check
// Compiles assembly/*.ts twice, with and without relaxed SIMD, into src/generated/{relaxed,plain}.ts: the module's bytes
// in base64, so that neither a bundler nor a browser has a file to find.
import { mkdir, writeFile } from 'node:fs/promises'
import { compile } from './compile.mjs'

const generated = new URL('../src/generated/', import.meta.url)
await mkdir(generated, { recursive: true })
for (const flavour of /** @type {const} */ (['plain', 'relaxed'])) {
  const bytes = await compile(flavour)
  const source = `// Made by scripts/generate.mjs.\nexport const base64 =\n  '${bytes.toString('base64')}'\n`
  await writeFile(new URL(`${flavour}.ts`, generated), source)
  console.log(`${flavour} kernels: ${bytes.length} bytes`)
}
