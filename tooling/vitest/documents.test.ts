import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { anchorsOf, withoutBlocks } from '../site/anchors'

const root = fileURLToPath(new URL('../..', import.meta.url))
const documents = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n')

/** Words that nobody outside would understand, or would say so: docs/style.md has what to say instead. */
const privateWords =
  /\b(can not|gone on with|gives? way|giveWay|passedOver|passed over|taken for what|either of the two|auto without|both ways)\b/i

/** The same in docstrings, errors and help, where they come to a user's eyes through an editor and a terminal. */
const privateInSources =
  /\b(can not|gone on with|gives? way|giveWay|passedOver|passed over|check sum|unless given|(?:is|are) to be had|(?<!there )is no (?:regular file|sound|option|checkpoint|run)\b)/

const sources = execFileSync('git', ['ls-files', 'packages/*/src/*.ts', 'apps/cli/src/*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => !file.endsWith('.test.ts'))

test('docstrings, errors and help have no private words', () => {
  const said = sources.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, i) => (privateInSources.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  )
  expect(sources.length).toBeGreaterThan(300)
  expect(said).toEqual([])
})

/** What a visitor reads. */
const isRead = (document: string): boolean =>
  !/^(docs\/(decisions|style)|\.changeset|tooling|CHANGELOG)/.test(document) && !document.endsWith('CHANGELOG.md')

describe.each(documents.filter(isRead))('%s', (document) => {
  test('has no private words', () => {
    const lines = readFileSync(join(root, document), 'utf8').split('\n')
    expect(lines.filter((line) => privateWords.test(line))).toEqual([])
  })
})

describe.each(documents)('%s', (document) => {
  const text = withoutBlocks(readFileSync(join(root, document), 'utf8'))

  test('links to files, and places in them, that are there', () => {
    const broken: string[] = []
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const [, own] = /^https:\/\/github\.com\/digitlab\/digitlab\/(?:blob|tree|raw)\/main\/(.+)$/.exec(target) ?? []
      if (own === undefined && /^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = (own ?? target).split('#')
      const from = own === undefined ? dirname(document) : '.'
      const path = file === '' ? join(root, document) : join(root, from, decodeURI(file))
      if (!existsSync(path)) broken.push(target)
      else if (anchor && path.endsWith('.md') && !anchorsOf(readFileSync(path, 'utf8')).includes(anchor))
        broken.push(target)
    }
    expect(broken).toEqual([])
  })
})
