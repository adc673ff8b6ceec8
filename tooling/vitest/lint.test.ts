// What the linters find: a violation of every rule, so that none is lost with an upgrade, a move or a slip in a pattern of files.
import { spawnSync } from 'node:child_process'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import js from '@eslint/js'
import tseslint from 'typescript-eslint'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations, violationsInJavaScript } from './violations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Rules of ESLint's that oxlint knows by another name, or leaves to the compiler. */
const elsewhere: Readonly<Record<string, string>> = {
  '@typescript-eslint/no-array-constructor': 'no-array-constructor',
  '@typescript-eslint/no-unused-expressions': 'no-unused-expressions',
  '@typescript-eslint/no-unused-vars': 'no-unused-vars',
}
const compilers = ['no-dupe-args', 'no-nonoctal-decimal-escape', 'no-octal', 'no-with'] // errors in a module, and to tsc in any file
const decidedOtherwise = ['@typescript-eslint/require-await'] // an interface may ask for a promise that one backend has at once

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[]
}

let folder: string
let found: ReadonlyMap<string, readonly string[]>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-tests-'))
  await copyFile(join(root, '.oxlintrc.jsonc'), join(folder, '.oxlintrc.jsonc'))
  const compilerOptions = { target: 'ES2022', module: 'ESNext', strict: true, allowJs: true, noEmit: true, types: [] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }))
  const files = Object.entries({ ts: violations, mjs: violationsInJavaScript }).flatMap(([ending, rules]) =>
    Object.entries(rules).map(([rule, source]) => [`${rule.replace('/', '.')}.${ending}`, source] as const),
  )
  await Promise.all(files.map(([name, source]) => writeFile(join(folder, name), source)))
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
  const { stdout, stderr } = spawnSync(process.execPath, [oxlint, '--format', 'json'], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  const { diagnostics } = JSON.parse(stdout) as Report
  const rules = new Map<string, string[]>()
  for (const { code, filename } of diagnostics) rules.set(filename, [...(rules.get(filename) ?? []), code])
  found = rules
})
afterAll(() => rm(folder, { recursive: true }))

const codeOf = (rule: string) => (rule.includes('/') ? rule.replace(/\/(.*)/, '($1)') : `eslint(${rule})`)

test.each(Object.keys(violations))('oxlint finds what %s is against', (rule) => {
  expect(found.get(`${rule.replace('/', '.')}.ts`)).toContain(codeOf(rule))
})

test.each(Object.keys(violationsInJavaScript))('oxlint finds what %s is against, in JavaScript', (rule) => {
  expect(found.get(`${rule.replace('/', '.')}.mjs`)).toContain(codeOf(rule))
})

test('oxlint has every rule that ESLint and typescript-eslint recommend', () => {
  const recommended = [js.configs.recommended, ...tseslint.configs.recommendedTypeChecked]
  const rules = recommended.flatMap((config) => {
    const settings: readonly [string, unknown][] = Object.entries(config.rules ?? {})
    return settings.flatMap(([rule, severity]) => (severity === 'off' ? [] : [rule]))
  })
  expect(rules.length).toBeGreaterThan(100)
  const wanted = rules.filter((rule) => !compilers.includes(rule) && !decidedOtherwise.includes(rule))
  const tried = new Set([violations, violationsInJavaScript].flatMap(Object.keys))
  const nameOf = (rule: string) => elsewhere[rule] ?? rule.replace('@typescript-eslint/', 'typescript/')
  expect(wanted.filter((rule) => !tried.has(nameOf(rule)))).toEqual([])
})
