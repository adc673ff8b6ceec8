// What a branch changes in published packages, and whether a changeset tells of it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getChangedPackagesSinceRef } from '@changesets/git'
import readChangesets from '@changesets/read'
import { askGit, currentBranch } from './git'

const baseBranch = 'main'

/** What the command ships without being it: the page, which has no version of its own. */
const shippedBy: Readonly<Record<string, string>> = { '@digitlab/web': 'digitlab' }

/**
 * What a tree is compared with: a commit and what it is called, or why there is nothing to compare with.
 *
 * @param root the folder of the repository
 * @param env GITHUB_BASE_REF names the branch that a pull request goes to
 */
export const findBase = async (
  root: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly base: string; readonly title: string } | { readonly reason: string }> => {
  if ((await askGit(root, 'rev-parse', '--show-prefix')) !== '') return { reason: 'this folder is no git repository' }
  const target = env['GITHUB_BASE_REF'] || baseBranch
  if ((await currentBranch(root)) === target) return { reason: `${target} is what branches are compared with` }
  if ((await askGit(root, 'rev-parse', '--is-shallow-repository')) === 'true')
    return { reason: 'a shallow clone lacks the history to compare with' }
  for (const title of [`origin/${target}`, target]) {
    const base = await askGit(root, 'merge-base', title, 'HEAD')
    if (base !== undefined) return { base, title }
  }
  return { reason: `there is no branch ${target} to compare with` }
}

/**
 * Published packages that differ from a base without a changeset that names them, and without being released; sorted. A changeset that
 * names no package says that users see nothing. `changeset status --since` is content with a changeset for any of them.
 *
 * @param root the folder of the repository
 * @param base the commit to compare the files with, whether they are committed or not
 */
export const untoldChanges = async (root: string, base: string): Promise<string[]> => {
  const changesets = await readChangesets(root, base)
  if (changesets.some(({ releases }) => releases.length === 0)) return []
  const told = new Set(changesets.flatMap(({ releases }) => releases.map(({ name }) => name)))
  const { changedFilePatterns } = JSON.parse(readFileSync(join(root, '.changeset', 'config.json'), 'utf8')) as {
    changedFilePatterns: string[]
  }
  const changed = await getChangedPackagesSinceRef({ cwd: root, ref: base, changedFilePatterns })
  const untold = new Set<string>()
  for (const { dir, packageJson } of changed) {
    const name = shippedBy[packageJson.name] ?? packageJson.name
    if (told.has(name) || (packageJson.private && name === packageJson.name)) continue
    const before = await askGit(dir, 'show', `${base}:./package.json`)
    const released = before !== undefined && (JSON.parse(before) as { version: string }).version !== packageJson.version
    if (!released) untold.add(name)
  }
  return [...untold].sort()
}
