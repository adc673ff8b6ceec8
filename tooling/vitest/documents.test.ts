import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const documents = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n')

/** As GitHub makes a heading's anchor. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')))

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
  const text = readFileSync(join(root, document), 'utf8').replace(/^```[\s\S]*?^```$/gm, '')

  test('links to files, and places in them, that are there', () => {
    const broken: string[] = []
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const path = file === '' ? join(root, document) : join(root, dirname(document), decodeURI(file))
      if (!existsSync(path)) broken.push(target)
      else if (anchor && path.endsWith('.md') && !anchorsOf(readFileSync(path, 'utf8')).includes(anchor))
        broken.push(target)
    }
    expect(broken).toEqual([])
  })
})
