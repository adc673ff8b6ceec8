// What "npm run api", "npm run docs" and their like would change or complain of: nothing. On the built packages.
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { compiled } from '../vitest/compiled'
import { root } from './published'

test.each([
  ['the API reports are those of the build', 'tooling/packages/api.ts', ['--check']],
  ['every public name is documented, and every link leads somewhere', 'tooling/packages/docs.ts', ['--check']],
  ['every entry keeps to its budget of bytes', 'tooling/packages/size.ts', []],
  ['the notices name what is bundled', 'tooling/packages/notices.ts', ['--check']],
  ['nothing is unused or undeclared', 'tooling/packages/node_modules/knip/bin/knip.js', ['--no-progress']],
])('%s', { timeout: 300_000 }, async (_, script, args) => {
  // Whole programs are parsed: with little room for what is young a seventh of their time is the collector's.
  const program = script.endsWith('.ts') ? await compiled(join(root, script)) : join(root, script)
  const command = ['--max-semi-space-size=64', program, ...args]
  const options = { cwd: root, env: { NO_COLOR: '1' }, all: true, reject: false, timeout: 280_000 } as const
  const { exitCode, all } = await execa(process.execPath, command, options)
  expect(exitCode, all).toBe(0)
})
