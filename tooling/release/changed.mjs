// What a branch changes in published packages, and whether a changeset tells of it.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import parseChangeset from '@changesets/parse'
import { askGit, currentBranch, git } from './git.mjs'
import { publishedPackages } from './packages.mjs'

const baseBranch = 'main'

/** Files in a package's folder that nobody who installs it ever sees the effect of. */
const unseen = /\.test\.ts$|(^|\/)src\/testing\/|^(standin|api)\/|^CHANGELOG\.md$/

/** What else a package ships: digitlab has the page, which has no version of its own. */
const alsoShipped = { 'apps/cli': ['apps/web/src', 'apps/web/public', 'apps/web/index.html'] }

const list = (text) => text.split('\0').filter((path) => path !== '')

/**
 * What a tree is compared with.
 *
 * @param root the folder of the repository
 * @param env GITHUB_BASE_REF names the branch that a pull request goes to
 * @returns { base, title }, a commit and what it is called; or { reason } why there is nothing to compare with
 */
export const findBase = async (root, env) => {
  if ((await askGit(root, 'rev-parse', '--show-prefix')) !== '') return { reason: 'this folder is no git repository' }
  const target = env.GITHUB_BASE_REF || baseBranch
  if ((await currentBranch(root)) === target) return { reason: `${target} is what branches are compared with` }
  if ((await askGit(root, 'rev-parse', '--is-shallow-repository')) === 'true')
    return { reason: 'a shallow clone lacks the history to compare with' }
  for (const title of [`origin/${target}`, target]) {
    const base = await askGit(root, 'merge-base', title, 'HEAD')
    if (base !== undefined) return { base, title }
  }
  return { reason: `there is no branch ${target} to compare with` }
}

/** A manifest without what only developers of the package meet. */
const visible = (manifest) =>
  JSON.stringify({ ...manifest, devDependencies: undefined, scripts: undefined, version: undefined })

/**
 * Published packages that differ from a base without a changeset that names them, and without being released.
 *
 * @param root the folder of the repository
 * @param base the commit to compare the files with, whether they are committed or not
 * @returns [{ name, files }]; none where all is told. A changeset that names no package says that users see nothing of it
 */
export const untoldChanges = async (root, base) => {
  const changed = [
    ...list(await git(root, 'diff', '-z', '--name-only', '--no-renames', base)),
    ...list(await git(root, 'ls-files', '-z', '--others', '--exclude-standard')),
  ]
  const told = new Set()
  for (const file of changed)
    if (/^\.changeset\/(?!README\.md$)[^/]+\.md$/.test(file) && existsSync(join(root, file))) {
      const { releases } = parseChangeset(readFileSync(join(root, file), 'utf8'))
      if (releases.length === 0) return []
      for (const { name } of releases) told.add(name)
    }
  const untold = []
  for (const { name, version, folder, manifest } of publishedPackages(root)) {
    if (told.has(name)) continue
    const before = await askGit(root, 'show', `${base}:${folder}/package.json`)
    const old = before === undefined ? {} : JSON.parse(before)
    if (before !== undefined && old.version !== version) continue // that is its release
    const own = changed
      .filter((file) => file.startsWith(`${folder}/`))
      .map((file) => file.slice(folder.length + 1))
      .filter((file) => file !== 'package.json' || visible(old) !== visible(manifest))
    const also = alsoShipped[folder] ?? []
    const other = changed.filter((file) => also.some((path) => file === path || file.startsWith(`${path}/`)))
    const files = [...own, ...other].filter((file) => !unseen.test(file))
    if (files.length > 0) untold.push({ name, files })
  }
  return untold
}
