// What holds for every page, without building the site: it stands in the navigation once, and its links lead somewhere.
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../packages/published'
import { anchorsOf, withoutBlocks } from './anchors'
import { pageOf } from './assemble'
import { dependencyTable } from './dependency-table'
import { navigation, sidebar, titleOf } from './navigation'
import { isTracked, linkOnSite, pages, repository } from './pages'

const fileOfPage = new Map([...pages].map(([file, page]) => [page, file]))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

test('every page stands in the navigation once, by its title', () => {
  const listed = navigation().flatMap(({ files }) => files)
  expect([...listed].sort()).toEqual([...pages.keys()].sort())
  expect(new Set(pages.values()).size).toBe(pages.size)
  expect(sidebar()[0]?.items[0]).toEqual({ text: 'Start', link: '/' })
  for (const file of listed) expect(titleOf(file), file).toMatch(/\S/)
})

test('links lead to pages where there is one, else to the repository', () => {
  expect(linkOnSite('docs/command.md', '../packages/models/README.md#your-own')).toBe('./packages/models.md#your-own')
  expect(linkOnSite('docs/decisions/README.md', '../sweeps.md')).toBe('../sweeps.md')
  expect(linkOnSite('packages/ops/README.md', '../backend-wasm')).toBe('./backend-wasm.md')
  expect(linkOnSite('packages/ops/README.md', `${repository}/tree/main/packages/models`)).toBe('./models.md')
  expect(linkOnSite('packages/train/README.md', 'src/optimizers/adam.ts')).toBe(
    `${repository}/blob/main/packages/train/src/optimizers/adam.ts`,
  )
  expect(linkOnSite('docs/page.md', '../apps/web')).toBe(`${repository}/tree/main/apps/web`)
  expect(linkOnSite('docs/page.md', 'https://nodejs.org')).toBe('https://nodejs.org')
  expect(linkOnSite('docs/page.md', '#there')).toBe('#there')
})

test('code keeps what looks like a link', () => {
  const { text } = pageOf('docs/command.md', 'a `[b](c.md)` [`d`](sweeps.md)\n\n```sh\n[e](f.md)\n```\n')
  expect(text).toBe('a `[b](c.md)` [`d`](./sweeps.md)\n\n```sh\n[e](f.md)\n```\n')
})

test('what a command does is told above it', () => {
  const { text } = pageOf(
    'docs/command.md',
    '```sh not run: no\nnpm start   # trains\n# alone\nx "#1" y # z\n```\n\na # b\n',
  )
  expect(text).toBe('```sh not run: no\n# trains\nnpm start\n# alone\n# z\nx "#1" y\n```\n\na # b\n')
})

test('a flowchart of packages becomes a table', () => {
  const table = dependencyTable('flowchart TD\n  cli["cli: the command"]\n  cli --> train & data\n  train --> data\n')
  expect(table.split('\n').slice(2)).toEqual(['| cli | the command | train, data |', '| train |  | data |'])
})

describe.each([...pages])('%s', (file, page) => {
  const { text, pictures } = pageOf(file, read(file))

  test('leads to pages, places in them and files that are there', () => {
    const wrong = [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => {
        if (target.startsWith(`${repository}/`)) {
          const [, path] = /\/(?:blob|tree)\/main\/([^#]+)/.exec(target) ?? []
          return path !== undefined && !isTracked(path)
        }
        if (/^[a-z]+:/.test(target)) return false
        const [linked = '', anchor = ''] = target.split('#')
        const other = linked === '' ? file : fileOfPage.get(posix.join(posix.dirname(page), linked))
        return other === undefined || (anchor !== '' && !anchorsOf(read(other)).includes(anchor))
      })
    expect(wrong).toEqual([])
  })

  test('shows pictures that are there', () => {
    expect(pictures.filter((picture) => !existsSync(join(root, picture)))).toEqual([])
  })
})
