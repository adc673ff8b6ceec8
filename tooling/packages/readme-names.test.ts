// A README names what its package exports: no name too few, none that is not there.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { markedPart, withoutPart } from './marked-part'
import { badgesPart, firstSentence, namesCommand } from './names'
import { entriesOf, publishedPackages, root } from './published'

/** The names that an API report has. */
const exportedIn = (report: string): string[] =>
  [
    ...report.matchAll(
      /^export (?:declare )?(?:const|function|class|interface|type|enum|abstract class|namespace) ([\w$]+)/gm,
    ),
  ]
    .map(([, name = '']) => name)
    .concat([...report.matchAll(/^export \{ (?:[\w$]+ as )?([\w$]+) \}/gm)].map(([, name = '']) => name))

test('a docstring is told by its first sentence', () => {
  expect(firstSentence('Reads a file, e.g. one of {@link Model}.\nThen more.')).toBe(
    'Reads a file, e.g. one of `Model`',
  )
  expect(firstSentence('By Kingma et al. 2015, of 0.5.\n\n@param x')).toBe('By Kingma et al. 2015, of 0.5')
  expect(firstSentence('Two lines\nin one')).toBe('Two lines in one')
  expect(firstSentence('A permutation of 0 .. count - 1, as PyTorch has it.')).toBe(
    'A permutation of 0 .. count - 1, as PyTorch has it',
  )
  const head = 'The generator behind `torch::manual_seed`, which draws as PyTorch does'
  expect(firstSentence(`${head}: and this is an explanation that takes a long line to say it all.`)).toBe(head)
  expect(firstSentence('')).toBe('')
})

describe.each(publishedPackages())('$path/README.md', (published) => {
  const { path } = published
  const readme = readFileSync(join(root, path, 'README.md'), 'utf8')

  test('has a line of badges', () => {
    const { part } = markedPart(readme, 'badges', namesCommand)
    expect(part.trim()).toBe(badgesPart(published))
    expect(withoutPart(readme, 'badges')).not.toContain('shields.io')
  })

  test.runIf(entriesOf(published).length > 0)('names all that can be imported, by entry', () => {
    const { part } = markedPart(readme, 'names', namesCommand)
    for (const { name, specifier } of entriesOf(published)) {
      const report = join(root, path, 'api', `${name}.api.md`)
      expect(existsSync(report), report).toBe(true)
      const [, said = ''] = part.split(`### \`${specifier}\`\n`)
      const [own = ''] = said.split('\n### ')
      const rows = [...own.matchAll(/^\| `([\w$]+)`/gm)].map(([, name = '']) => name)
      const lists = own.split('\n').filter((line) => /^(Types|Also of the package's first entry): /.test(line))
      const names = [
        ...rows,
        ...lists.flatMap((line) => Array.from(line.matchAll(/`([\w$]+)`/g), ([, name = '']) => name)),
      ]
      expect(names.sort(), specifier).toEqual([...new Set(exportedIn(readFileSync(report, 'utf8')))].sort())
    }
  })
})

test('links of a README work on npm, which shows it without its repository: they are whole addresses, and lead to files that are there', () => {
  const own = /^https:\/\/github\.com\/digitlab\/digitlab\/(?:blob|tree|raw)\/main\/([^#]+)/
  const wrong: string[] = []
  for (const { path } of publishedPackages()) {
    const readme = readFileSync(join(root, path, 'README.md'), 'utf8').replace(/^```[^]*?^```$/gm, '')
    const targets = [...readme.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)].map(
      ([, a, b]) => a ?? b ?? '',
    )
    for (const target of targets) {
      const [, file] = own.exec(target) ?? []
      if (file === undefined ? !/^(https:|#)/.test(target) : !existsSync(join(root, file)))
        wrong.push(`${path}: ${target}`)
    }
  }
  expect(wrong).toEqual([])
})
