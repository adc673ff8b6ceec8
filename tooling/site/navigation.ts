// The order in which the pages stand beside each other. Each page stands in exactly one list, which a test holds.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../packages/published'
import { pages } from './pages'

interface Group {
  readonly title: string
  readonly collapsed?: boolean
  /** Files of the repository, in order; a pattern takes the rest that it fits. */
  readonly files: readonly (string | RegExp)[]
}

const groups: readonly Group[] = [
  {
    title: 'Start',
    files: ['docs/README.md', 'docs/walk.md', 'docs/command.md', 'docs/page.md', 'docs/same-seed.md'],
  },
  {
    title: 'Guides',
    files: [
      'docs/weights.md',
      'docs/sweeps.md',
      'docs/gpu.md',
      'docs/your-own-model.md',
      'docs/augmentation.md',
      'docs/scaling.md',
    ],
  },
  {
    title: 'Reference',
    files: ['docs/vocabulary.md', 'docs/what-trains.md', 'docs/where-it-runs.md'],
  },
  { title: 'Packages', collapsed: true, files: ['apps/cli/README.md', /^packages\//] },
  { title: 'Performance', files: ['docs/performance.md', 'tooling/bench/results/bench.md'] },
  {
    title: 'Inside',
    collapsed: true,
    files: ['docs/architecture.md', 'docs/tensorflow-js.md', 'CONTRIBUTING.md', 'docs/style.md'],
  },
  { title: 'Recipes', collapsed: true, files: ['docs/recipes/README.md', /^docs\/recipes\//] },
  { title: 'Decisions', collapsed: true, files: ['docs/decisions/README.md', /^docs\/decisions\//] },
]

/** A page's title: its first heading, as plain text. */
export const titleOf = (file: string): string => {
  const [, heading] = /^# (.+)$/m.exec(readFileSync(join(root, file), 'utf8')) ?? []
  if (heading === undefined) throw new Error(`${file} has no "# " heading, which the site's navigation shows`)
  return heading.replaceAll('`', '')
}

/** Every group with its files, in order. */
export const navigation = (): { title: string; collapsed: boolean | undefined; files: string[] }[] => {
  const named = new Set(groups.flatMap(({ files }) => files.filter((file) => typeof file === 'string')))
  const rest = [...pages.keys()].filter((file) => !named.has(file)).sort()
  return groups.map(({ title, collapsed, files }) => ({
    title,
    collapsed,
    files: files.flatMap((file) => (typeof file === 'string' ? [file] : rest.filter((other) => file.test(other)))),
  }))
}

/** The same as VitePress takes it. */
export const sidebar = () =>
  navigation().map(({ title, collapsed, files }) => ({
    text: title,
    ...(collapsed === undefined ? {} : { collapsed }),
    items: files.map((file) => ({
      text: titleOf(file),
      link: `/${(pages.get(file) ?? '').replace(/(index)?\.md$/, '')}`,
    })),
  }))
