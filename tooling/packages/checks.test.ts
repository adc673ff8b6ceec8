// What "npm run api", "npm run docs" and their like would change or complain of: nothing. On the built packages.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './published.mjs'

const knip = join(dirname(createRequire(import.meta.url).resolve('knip/package.json')), 'bin', 'knip.js')

/** Runs a script at the repository's root; it has nothing to say but when it fails. */
const clean = (script: string, ...args: string[]) =>
  new Promise<void>((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: '1' }
    const child = spawn(process.execPath, [join(root, script), ...args], { cwd: root, env, timeout: 280_000 })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${script} ${args.join(' ')} ended with ${code}:\n${output}`))
    })
  })

test.each([
  ['the API reports are those of the build', 'tooling/packages/api.mjs', ['--check']],
  ['every public name is documented, and every link leads somewhere', 'tooling/packages/docs.mjs', ['--check']],
  ['every entry keeps to its budget of bytes', 'tooling/packages/size.mjs', []],
  ['the notices name what is bundled', 'tooling/packages/notices.mjs', ['--check']],
])('%s', { timeout: 300_000 }, async (_, script, args) => {
  await expect(clean(script, ...args)).resolves.toBeUndefined()
})

test('no file, export or dependency is unused or undeclared', { timeout: 300_000 }, async () => {
  await expect(clean(knip.slice(root.length), '--no-progress')).resolves.toBeUndefined()
})
