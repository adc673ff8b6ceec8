// What a README says of its package's names: a badge line and a table, from what the entries export and their docstrings.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { asPart, markedPart } from './marked-part'
import { entriesOf, root, type Entry, type PublishedPackage } from './published'

export const namesCommand = 'npm run api'
const repository = 'https://github.com/digitlab/digitlab'

/** A name that an entry exports. */
interface ExportedName {
  readonly name: string
  /** Whether it is there when a program runs; else it is a type. */
  readonly isValue: boolean
  /** The first sentence of its docstring. */
  readonly says: string
}

/** A summary longer than this is cut where its explanation begins. */
const longSummary = 110

/** The first sentence of a docstring, in a line and still Markdown; of a long one what stands before a colon or a semicolon. */
export const firstSentence = (docstring: string): string => {
  const [paragraph = ''] = docstring.split(/\n\s*\n/)
  const line = paragraph
    .replace(/\s+/g, ' ')
    .replace(/\{@link\s+([^}|\s]+)(?:\s*\|\s*([^}]+))?\}/g, (_, to: string, label?: string) => label ?? `\`${to}\``)
  const [sentence = ''] = /^.*?(?<![.\s]|\b(?:e\.g|i\.e|et al|vs))[.](?=\s|$)/.exec(line) ?? [line]
  const [head = ''] = /^(?:`[^`]*`|[^`:;]){20,}(?=[:;] )/.exec(sentence) ?? []
  return (sentence.length > longSummary && head !== '' ? head : sentence).trim().replace(/[.:;]$/, '')
}

/** A line of Markdown as a table's cell: what would end the cell or begin markup is escaped, but not in code. */
const cellOf = (markdown: string): string =>
  markdown
    .split(/(`[^`]*`)/)
    .map((part, i) => (i % 2 === 0 ? part.replaceAll('<', '&lt;').replaceAll('*', '\\*') : part))
    .join('')
    .replaceAll('|', '\\|')

/** What an entry exports, in alphabetical order. */
const namesOf = (program: ts.Program, entry: Entry): ExportedName[] => {
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(entry.types)
  const module = file && checker.getSymbolAtLocation(file)
  if (!module) throw new Error(`${entry.types} is no module: run "npm run build" first`)
  return checker
    .getExportsOfModule(module)
    .map((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      return {
        name: exported.name,
        isValue: (symbol.flags & ts.SymbolFlags.Value) !== 0,
        says:
          symbol.flags & ts.SymbolFlags.Module
            ? `A namespace: ${checker
                .getExportsOfModule(symbol)
                .map(({ name }) => `\`${name}\``)
                .join(', ')}`
            : firstSentence(ts.displayPartsToString(symbol.getDocumentationComment(checker))),
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

const listed = (names: readonly ExportedName[]): string => names.map(({ name }) => `\`${name}\``).join(', ')

/** What stands of one entry; what the package's first entry has too is not said again. */
const entryPart = (entry: Entry, names: readonly ExportedName[], first: ReadonlySet<string>): string => {
  const own = names.filter(({ name }) => !first.has(name))
  const values = own.filter(({ isValue }) => isValue)
  const types = own.filter(({ isValue }) => !isValue)
  const shared = names.filter(({ name }) => first.has(name))
  return [
    `### \`${entry.specifier}\``,
    values.length > 0 &&
      [
        '| name | what it is |',
        '| --- | --- |',
        ...values.map(({ name, says }) => `| \`${name}\` | ${cellOf(says)} |`),
      ].join('\n'),
    types.length > 0 && `Types: ${listed(types)}.`,
    shared.length > 0 && `Also of the package's first entry: ${listed(shared)}.`,
  ]
    .filter(Boolean)
    .join('\n\n')
}

/** The table of a package's names, in Markdown. */
const namesPart = (entries: readonly { entry: Entry; names: readonly ExportedName[] }[]): string => {
  const first = new Set(entries.find(({ entry }) => entry.name === 'index')?.names.map(({ name }) => name))
  return entries
    .map(({ entry, names }) => entryPart(entry, names, entry.name === 'index' ? new Set() : first))
    .join('\n\n')
}

/** Version, size, types and licence as badges, which ask the registry: they are right for what is published. */
export const badgesPart = (published: PublishedPackage): string => {
  const { path, manifest } = published
  const { name, license = '' } = manifest
  const badge = (alt: string, image: string, link: string) =>
    `[![${alt}](https://img.shields.io/npm/${image}/${name})](${link})`
  return [
    badge('version', 'v', `https://www.npmjs.com/package/${name}`),
    badge('unpacked size', 'unpacked-size', `${repository}/blob/main/tooling/packages/size-budgets.json`),
    ...(entriesOf(published).length > 0
      ? [badge('types included', 'types', `${repository}/tree/main/${path}/api`)]
      : []),
    badge(`${license} licence`, 'l', `${repository}/blob/main/LICENSE`),
  ].join('\n')
}

/** A README with its badges and, where the package can be imported, its names as they are now. */
export const readmeWithNames = async (published: PublishedPackage, program: ts.Program): Promise<string> => {
  const path = join(root, published.path, 'README.md')
  const parts: [name: string, markdown: string][] = [['badges', badgesPart(published)]]
  const entries = entriesOf(published).map((entry) => ({ entry, names: namesOf(program, entry) }))
  if (entries.length > 0) parts.push(['names', namesPart(entries)])
  let text = readFileSync(path, 'utf8')
  for (const [name, markdown] of parts) {
    const { before, after } = markedPart(text, name, namesCommand)
    text = `${before}${await asPart(markdown)}${after}`
  }
  return text
}
