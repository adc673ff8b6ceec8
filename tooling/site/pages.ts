// Which Markdown of the repository is which page of the site, and where its links lead there.
import { execFileSync } from 'node:child_process'
import { posix } from 'node:path'
import { publishedPackages, root } from '../packages/published'

export const repository = 'https://github.com/digitlab/digitlab'

/** Files and folders of the repository, with slashes: only what git has, or is about to have, can be linked to. */
const tracked = new Set(
  execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 1 << 26,
  })
    .toString()
    .split('\0')
    .filter(Boolean)
    .flatMap((file) => {
      const parts = file.split('/')
      return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
    }),
)

export const isTracked = (path: string): boolean => tracked.has(path)

/** A page that the documents of a folder get: `docs/sweeps.md` is `sweeps.md`, a folder's README its index. */
const ofDocument = (file: string): string => file.slice('docs/'.length).replace(/README\.md$/, 'index.md')

const documents = [...tracked].filter((file) => /^docs\/.*\.md$/.test(file))
const readmes = publishedPackages().map(
  ({ path, manifest }) => [`${path}/README.md`, `packages/${manifest.name.replace('@digitlab/', '')}.md`] as const,
)

/** Every page, by the file it is made of. */
export const pages: ReadonlyMap<string, string> = new Map([
  ...documents.map((file) => [file, ofDocument(file)] as const),
  ...readmes,
  ['tooling/bench/results/bench.md', 'bench.md'],
  ['CONTRIBUTING.md', 'contributing.md'],
])

/** What a link in one of the repository's files leads to: a file or folder of the repository, and a place in it. */
export const linkedFile = (from: string, target: string): { path: string; anchor: string } | undefined => {
  const own = new RegExp(`^${repository}/(?:blob|tree)/main/([^#]*)`).exec(target)?.[1]
  if (own === undefined && /^([a-z]+:|\/)/.test(target)) return undefined
  const [file = '', anchor = ''] = target.split('#')
  const path = own ?? (file === '' ? from : posix.join(posix.dirname(from), decodeURI(file)))
  return { path: path.replace(/\/$/, ''), anchor }
}

/** Where a link of a page leads on the site: another page, else the repository. */
export const linkOnSite = (from: string, target: string): string => {
  const linked = target.startsWith('#') ? undefined : linkedFile(from, target)
  if (!linked) return target
  const anchor = linked.anchor === '' ? '' : `#${linked.anchor}`
  const page = pages.get(linked.path) ?? pages.get(`${linked.path}/README.md`)
  if (page === undefined) {
    const kind = /\.\w+$|LICENSE$/.test(linked.path) ? 'blob' : 'tree'
    return `${repository}/${kind}/main/${linked.path}${anchor}`
  }
  const here = pages.get(from)
  if (here === undefined) throw new Error(`${from} is no page of the site: add it to pages.ts`)
  const relative = posix.relative(posix.dirname(here), page)
  return `${relative.startsWith('.') ? relative : `./${relative}`}${anchor}`
}
