// @ts-check
// Gives the declarations in dist maps to the sources in src, so that an editor's "go to definition" ends there: part of the build, run in
// a package's folder. tsup's bundler of declarations writes none.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { addMapping, GenMapping, toEncodedMap } from '@jridgewell/gen-mapping'
import ts from 'typescript'

/** @typedef {{ readonly name: ts.Identifier, readonly node: ts.Node, readonly exported: boolean }} Declared */

/** @type {(path: string) => ts.SourceFile} */
const parse = (path) => ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true)

/** What a file declares for all of it to use. @type {(file: ts.SourceFile) => Declared[]} */
const declaredIn = (file) =>
  file.statements.flatMap((node) => {
    const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : []
    const exported = modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    /** @type {(ts.VariableDeclaration | ts.Statement)[]} */
    const nodes = ts.isVariableStatement(node) ? [...node.declarationList.declarations] : [node]
    return nodes.flatMap((one) => {
      const named =
        ts.isVariableDeclaration(one) ||
        ts.isFunctionDeclaration(one) ||
        ts.isClassDeclaration(one) ||
        ts.isInterfaceDeclaration(one) ||
        ts.isTypeAliasDeclaration(one)
      return named && one.name && ts.isIdentifier(one.name) ? [{ name: one.name, node: one, exported }] : []
    })
  })

/** The named members of an interface, a class or a type of an object. @type {(node: ts.Node) => ts.Node[]} */
const membersOf = (node) => {
  const holder = ts.isTypeAliasDeclaration(node) ? node.type : node
  if (!ts.isInterfaceDeclaration(holder) && !ts.isClassDeclaration(holder) && !ts.isTypeLiteralNode(holder)) return []
  return [...holder.members].flatMap(({ name }) => (name ? [name] : []))
}

/** How alike two declarations of one name are: the longest common beginning of what they say. @type {(a: ts.Node, b: ts.Node) => number} */
const alike = (a, b) => {
  const [left, right] = [a, b].map((node) =>
    node
      .getText()
      .replace(/^(export|declare|\s)+/, '')
      .replace(/[\s;,]/g, ''),
  )
  let at = 0
  while (at < (left ?? '').length && (left ?? '')[at] === (right ?? '')[at]) at++
  return at
}

/** @type {Map<string, Declared[]>} */
const sources = new Map()
for (const path of readdirSync('src', { recursive: true, encoding: 'utf8' }).sort())
  if (/\.ts$/.test(path) && !/\.test\.ts$|(^|[\\/])testing[\\/]/.test(path))
    for (const declared of declaredIn(parse(join('src', path))))
      sources.set(declared.name.text, [...(sources.get(declared.name.text) ?? []), declared])

/** The source of a declaration: of several of its name an exported one, and the one that says most of the same. @type {(declared: Declared) => Declared | undefined} */
const sourceOf = ({ name, node }) => {
  const all = sources.get(name.text.replace(/\$\d+$/, '')) ?? []
  const exported = all.filter(({ exported }) => exported)
  const fitting = exported.length > 0 ? exported : all
  return [...fitting].sort((a, b) => alike(b.node, node) - alike(a.node, node))[0]
}

/** @type {(node: ts.Node) => { line: number, column: number }} */
const placeOf = (node) => {
  const { line, character } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart())
  return { line: line + 1, column: character }
}

for (const name of readdirSync('dist').filter((file) => /\.d\.c?ts$/.test(file))) {
  const path = join('dist', name)
  const file = parse(path)
  const map = new GenMapping({ file: name })
  /** @type {(made: ts.Node, from: ts.Node) => void} */
  const add = (made, from) => {
    const source = posix.join('..', from.getSourceFile().fileName.replaceAll('\\', '/'))
    addMapping(map, { generated: placeOf(made), source, original: placeOf(from) })
  }
  for (const declared of declaredIn(file)) {
    const source = sourceOf(declared)
    if (!source) continue
    add(declared.name, source.name)
    const members = new Map(membersOf(source.node).map((member) => [member.getText(), member]))
    for (const member of membersOf(declared.node)) {
      const from = members.get(member.getText())
      if (from) add(member, from)
    }
  }
  const text = file.text.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n')
  writeFileSync(path, `${text.trimEnd()}\n//# sourceMappingURL=${name}.map\n`)
  writeFileSync(`${path}.map`, JSON.stringify({ ...toEncodedMap(map), sourcesContent: undefined })) // `src` is in the package
}
