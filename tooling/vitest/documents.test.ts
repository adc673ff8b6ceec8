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
  /\b(can not|gone on with|gives? way|giveWay|passed over|taken for what|either of the two|auto without|both ways)\b/i

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
