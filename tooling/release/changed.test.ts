import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findBase, untoldChanges } from './changed'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('every published package that this branch changes has a changeset', async ({ skip }) => {
  const found = await findBase(root, process.env)
  if ('reason' in found) return skip(`which packages changed cannot be told: ${found.reason}`)
  expect(
    await untoldChanges(root, found.base),
    `changed since ${found.title} without a changeset: run "npx changeset" and say what users will see, or "npx changeset --empty" where they see nothing`,
  ).toEqual([])
})

let folder: string
const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim()
/** Writes files; git knows of them then. */
const write = (files: Record<string, string>) => {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  git('add', '--all')
}
const manifest = (name: string, more = {}) => JSON.stringify({ name, version: '0.1.0', ...more })
const commit = () => git('commit', '--quiet', '--message', 'A change')
const reason = async (at: string) => {
  const found = await findBase(at, {})
  return 'reason' in found ? found.reason : undefined
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'digitlab-changed-'))
  git('init', '--quiet', '--initial-branch', 'main')
  git('config', 'user.name', 'Test')
  git('config', 'user.email', 'test@localhost')
  write({
    'package.json': manifest('workspace', { private: true }),
    'pnpm-workspace.yaml': 'packages:\n  - packages/*\n  - apps/*\n',
    'packages/one/package.json': manifest('@digitlab/one'),
    'packages/one/src/index.ts': '1',
    'packages/two/package.json': manifest('@digitlab/two'),
    'packages/two/src/index.ts': '1',
    'apps/web/package.json': manifest('@digitlab/web', { private: true }),
    'apps/cli/package.json': manifest('digitlab'),
    '.changeset/before.md': "---\n'@digitlab/one': minor\n---\n\nFrom before.\n",
  })
  copyFileSync(join(root, '.changeset', 'config.json'), join(folder, '.changeset', 'config.json'))
  git('add', '--all')
  commit()
  git('checkout', '--quiet', '-b', 'branch')
})
afterEach(() => rmSync(folder, { recursive: true }))

const untold = async () => {
  const found = await findBase(folder, {})
  return 'base' in found ? untoldChanges(folder, found.base) : [found.reason]
}

test('a change needs a changeset of its own, committed or not', async () => {
  expect(await untold()).toEqual([])
  write({ 'packages/one/src/index.ts': '2', 'packages/two/src/new.ts': '1' })
  expect(await untold()).toEqual(['@digitlab/one', '@digitlab/two'])
  commit()
  expect(await untold()).toEqual(['@digitlab/one', '@digitlab/two'])
  write({ '.changeset/now.md': "---\n'@digitlab/one': patch\n---\n\nNow.\n" })
  expect(await untold()).toEqual(['@digitlab/two'])
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
    'packages/one/api/index.api.md': '1',
    'apps/web/src/testing/page.ts': '1',
    'README.md': '1',
  })
  expect(await untold()).toEqual([])
  write({ 'packages/one/package.json': manifest('@digitlab/one', { dependencies: { a: '1.0.0' } }) })
  expect(await untold()).toEqual(['@digitlab/one'])
  write({
    'packages/one/package.json': manifest('@digitlab/one', { version: '0.2.0' }),
    'packages/one/src/index.ts': '2',
  })
  expect(await untold()).toEqual([])
})

test('the page is shipped by the command', async () => {
  write({ 'apps/web/src/App.svelte': '1' })
  expect(await untold()).toEqual(['digitlab'])
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
  expect(await untold()).toEqual(['@digitlab/two'])
})

test('where there is nothing to compare with, the reason is told', async () => {
  expect(await findBase(folder, {})).toMatchObject({ title: 'main' })
  git('checkout', '--quiet', 'main')
  expect(await reason(folder)).toBe('main is what branches are compared with')
  write({ 'packages/one/src/index.ts': '2' })
  commit()
  git('checkout', '--quiet', '--detach')
  const [source, shallow] = [folder, mkdtempSync(join(tmpdir(), 'digitlab-shallow-'))]
  execFileSync('git', ['clone', '--quiet', '--depth', '1', '--branch', 'branch', `file://${source}`, shallow])
  expect(await reason(shallow)).toBe('a shallow clone lacks the history to compare with')
  rmSync(join(shallow, '.git'), { recursive: true })
  expect(await reason(shallow)).toBe('this folder is no git repository')
  rmSync(shallow, { recursive: true })
  git('branch', '--quiet', '-D', 'main')
  expect(await reason(folder)).toBe('there is no branch main to compare with')
})
