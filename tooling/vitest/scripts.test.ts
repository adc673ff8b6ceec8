// Every script is checked by tsc as it is: none lies outside of its projects.
import { execFileSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The files of a project, relative to the root. */
const filesOf = (project: string): string[] => {
  const { config } = ts.readConfigFile(join(root, project), (path) => ts.sys.readFile(path)) as { config: unknown }
  const folder = join(root, project, '..')
  const { fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, folder)
  return fileNames.map((file) => relative(root, file).replaceAll('\\', '/'))
}

/** What others would write, or run before anything is there to check it with. */
const outside = [
  /^tooling\/release\/rehearsal\/programs\/(idx\.c?[jt]s|page\/)/, // written by other teams' means: CommonJS, a bundler
  /^tooling\/packages\/extended\//, // checked in a folder outside the workspace by extended.test.ts
  /^packages\/backend-wasm\/assembly\//, // AssemblyScript
  /^apps\/web\/svelte\.config\.js$/, // svelte-check reads it
  /^apps\/cli\/bin\/digitlab\.js$/, // says that a Node is too old, whatever that Node understands
]

test('every script and source is in a project that "npm run typecheck" checks', () => {
  const tracked = execFileSync('git', ['ls-files', '-z', '*.ts', '*.js', '*.mjs', '*.cjs', '*.mts'], { cwd: root })
  const projects = [
    'tsconfig.json',
    'apps/web/tsconfig.json',
    'packages/backend-wasm/scripts/tsconfig.json',
    'tooling/release/rehearsal/programs/tsconfig.json',
  ]
  const checked = new Set(projects.flatMap(filesOf))
  const files = tracked.toString().split('\0').filter(Boolean)
  expect(files.length).toBeGreaterThan(500)
  expect(files.filter((file) => !checked.has(file) && !outside.some((pattern) => pattern.test(file)))).toEqual([])
})
