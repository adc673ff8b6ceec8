// What "npm run api", "npm run docs" and their like would change or complain of: nothing. On the built packages.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'vitest'
import { root } from './published.mjs'

/** Runs a script at the repository's root. @throws Error with what it said, where it does not end with 0 */
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
  ['nothing is unused or undeclared', 'tooling/packages/node_modules/knip/bin/knip.js', ['--no-progress']],
])('%s', { timeout: 300_000 }, async (_, script, args) => {
  await clean(script, ...args)
})
