// The few questions to git that a release has.
import { attempt, run } from './shell'
import { ReleaseError } from './release-error'

export const git = async (root: string, ...args: string[]): Promise<string> =>
  (await run(['git', ...args], { cwd: root, seconds: 60 })).trimEnd()

/** A question whose answer may be no. @returns the answer, or undefined */
export const askGit = async (root: string, ...args: string[]): Promise<string | undefined> => {
  const { status, stdout } = await attempt(['git', ...args], { cwd: root, seconds: 60 })
  return status === 0 ? stdout.trimEnd() : undefined
}

const lines = (text: string) => (text === '' ? [] : text.split('\n'))

/** Files with changes that are not committed, new ones too; relative to the root. */
export const changedFiles = async (root: string): Promise<string[]> =>
  lines(await git(root, '-c', 'core.quotePath=false', 'status', '--porcelain', '--untracked-files=all')).map((line) =>
    line.slice(3),
  )

/** @throws ReleaseError where something is not committed */
export const requireCleanTree = async (root: string): Promise<void> => {
  const changed = await changedFiles(root)
  if (changed.length === 0) return
  const named = changed.slice(0, 5).join(', ')
  const more = changed.length > 5 ? ` and ${changed.length - 5} more` : ''
  throw new ReleaseError(
    `expected a tree without changes, ${changed.length} ${changed.length === 1 ? 'file differs' : 'files differ'} from the last commit (${named}${more}): commit or stash them`,
  )
}

/** The branch that is checked out; undefined where a commit is. */
export const currentBranch = (root: string): Promise<string | undefined> =>
  askGit(root, 'symbolic-ref', '--quiet', '--short', 'HEAD')
