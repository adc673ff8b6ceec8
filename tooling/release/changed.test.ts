import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

interface Changed {
  readonly findBase: (
    root: string,
    env: NodeJS.ProcessEnv,
  ) => Promise<{ base?: string; title?: string; reason?: string }>
  readonly untoldChanges: (root: string, base: string) => Promise<{ name: string; files: string[] }[]>
}
const { findBase, untoldChanges } = (await import(join(here, 'changed.mjs'))) as Changed // a script without types

test('every published package that this branch changes has a changeset', async ({ skip }) => {
  const { base, title, reason } = await findBase(root, process.env)
  if (base === undefined) return skip(`which packages changed cannot be told: ${reason}`)
  const untold = (await untoldChanges(root, base)).map(({ name, files }) => `${name} (${files.slice(0, 3).join(', ')})`)
  expect(
    untold,
    `changed since ${title} without a changeset: run "npx changeset" and say what users will see, or "npx changeset --empty" where they see nothing`,
  ).toEqual([])
})

let folder: string
const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim()
const write = (files: Record<string, string>) => {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
}
const manifest = (name: string, more = {}) => JSON.stringify({ name, version: '0.1.0', ...more })
const commit = () => {
  git('add', '--all')
  git('commit', '--quiet', '--message', 'A change')
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'digitlab-changed-'))
  git('init', '--quiet', '--initial-branch', 'main')
  git('config', 'user.name', 'Test')
  git('config', 'user.email', 'test@localhost')
  write({
    'packages/one/package.json': manifest('@digitlab/one'),
    'packages/one/src/index.ts': '1',
    'packages/two/package.json': manifest('@digitlab/two'),
    'packages/two/src/index.ts': '1',
    'apps/web/package.json': manifest('page', { private: true }),
    'apps/cli/package.json': manifest('digitlab'),
    '.changeset/before.md': "---\n'@digitlab/one': minor\n---\n\nFrom before.\n",
  })
  commit()
  git('checkout', '--quiet', '-b', 'branch')
})
afterEach(() => rmSync(folder, { recursive: true }))

const untold = async () => {
  const { base = '' } = await findBase(folder, {})
  return (await untoldChanges(folder, base)).map(({ name, files }) => [name, ...files].join(' '))
}

test('a change needs a changeset of its own, committed or not', async () => {
  expect(await untold()).toEqual([])
  write({ 'packages/one/src/index.ts': '2', 'packages/two/src/new.ts': '1' })
  expect(await untold()).toEqual(['@digitlab/one src/index.ts', '@digitlab/two src/new.ts'])
  commit()
  expect(await untold()).toEqual(['@digitlab/one src/index.ts', '@digitlab/two src/new.ts'])
  write({ '.changeset/now.md': "---\n'@digitlab/one': patch\n---\n\nNow.\n" })
  expect(await untold()).toEqual(['@digitlab/two src/new.ts'])
  write({ '.changeset/too.md': "---\n'@digitlab/two': patch\n---\n\nToo.\n" })
  commit()
  expect(await untold()).toEqual([])
})

test('an empty changeset says that users see nothing', async () => {
  write({ 'packages/one/src/index.ts': '2', '.changeset/empty.md': '---\n---\n\nMoved about.\n' })
  expect(await untold()).toEqual([])
})

test('what users never see needs none; a release is its own account', async () => {
  write({
    'packages/one/src/index.test.ts': '1',
    'packages/one/package.json': manifest('@digitlab/one', { devDependencies: { a: '1.0.0' } }),
    'apps/web/README.md': '1',
    'apps/web/src/testing/page.ts': '1',
    'README.md': '1',
  })
  expect(await untold()).toEqual([])
  write({ 'packages/one/package.json': manifest('@digitlab/one', { dependencies: { a: '1.0.0' } }) })
  expect(await untold()).toEqual(['@digitlab/one package.json'])
  write({
    'packages/one/package.json': manifest('@digitlab/one', { version: '0.2.0' }),
    'packages/one/src/index.ts': '2',
  })
  expect(await untold()).toEqual([])
})

test('the page is shipped by the command', async () => {
  write({ 'apps/web/src/App.svelte': '1', 'apps/web/index.html': '1' })
  expect(await untold()).toEqual(['digitlab apps/web/index.html apps/web/src/App.svelte'])
  write({ '.changeset/now.md': "---\n'digitlab': patch\n---\n\nThe page.\n" })
  expect(await untold()).toEqual([])
})

test('what came to main meanwhile is not of the branch', async () => {
  write({ 'packages/two/src/index.ts': '2' })
  git('stash', '--quiet')
  git('checkout', '--quiet', 'main')
  write({ 'packages/one/src/index.ts': '2' })
  commit()
  git('checkout', '--quiet', 'branch')
  git('stash', 'pop', '--quiet')
  expect(await untold()).toEqual(['@digitlab/two src/index.ts'])
})

test('where there is nothing to compare with, the reason is told', async () => {
  expect((await findBase(folder, {})).title).toBe('main')
  git('checkout', '--quiet', 'main')
  expect((await findBase(folder, {})).reason).toBe('main is what branches are compared with')
  write({ 'packages/one/src/index.ts': '2' })
  commit()
  git('checkout', '--quiet', '--detach')
  const [source, shallow] = [folder, mkdtempSync(join(tmpdir(), 'digitlab-shallow-'))]
  execFileSync('git', ['clone', '--quiet', '--depth', '1', '--branch', 'branch', `file://${source}`, shallow])
  expect((await findBase(shallow, {})).reason).toBe('a shallow clone lacks the history to compare with')
  rmSync(join(shallow, '.git'), { recursive: true })
  expect((await findBase(shallow, {})).reason).toBe('this folder is no git repository')
  rmSync(shallow, { recursive: true })
  git('branch', '--quiet', '-D', 'main')
  expect((await findBase(folder, {})).reason).toBe('there is no branch main to compare with')
})
