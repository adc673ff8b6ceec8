// Runs the cells of the walk one after another, as a notebook does: what a cell declares, those below it can use.
import { parse, type Node, type Pattern, type Program } from 'acorn'

/** What cells can import, by its specifier. */
export type Modules = Readonly<Record<string, () => Promise<Readonly<Record<string, unknown>>>>>

/** Where a cell's output goes. */
export interface Output {
  /** What `console.log` was given. */
  readonly log: (...values: readonly unknown[]) => void
  /** What `display` was given: a figure. */
  readonly display: (figure: unknown) => void
  /** How wide a figure may be, in pixels: what `width` is in a cell. */
  readonly width: number
}

/** The names that a pattern binds: `a`, `{ a, b: [c] }`. */
const boundBy = (pattern: Pattern): string[] => {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name]
    case 'ObjectPattern':
      return pattern.properties.flatMap((property) =>
        boundBy(property.type === 'RestElement' ? property.argument : property.value),
      )
    case 'ArrayPattern':
      return pattern.elements.flatMap((element) => (element ? boundBy(element) : []))
    case 'RestElement':
      return boundBy(pattern.argument)
    case 'AssignmentPattern':
      return boundBy(pattern.left)
    case 'MemberExpression':
      return []
  }
}

const declaredBy = (statement: Program['body'][number]): string[] => {
  if (statement.type === 'VariableDeclaration') return statement.declarations.flatMap(({ id }) => boundBy(id))
  if (statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration') return [statement.id.name]
  return []
}

/** The same code with spaces where a node stands: places in errors stay what they are. */
const blanked = (code: string, { start, end }: Node): string =>
  code.slice(0, start) + code.slice(start, end).replace(/[^\n]/g, ' ') + code.slice(end)

/** Names that are imported, and from where: `[local, specifier, imported]`; `*` for a namespace. */
const importsOf = ({ body }: Program): [local: string, specifier: string, imported: string][] =>
  body.flatMap((statement) => {
    if (statement.type !== 'ImportDeclaration') return []
    const specifier = String(statement.source.value)
    return statement.specifiers.map((one): [string, string, string] => {
      if (one.type === 'ImportNamespaceSpecifier') return [one.local.name, specifier, '*']
      if (one.type === 'ImportDefaultSpecifier') return [one.local.name, specifier, 'default']
      const { imported } = one
      return [one.local.name, specifier, imported.type === 'Identifier' ? imported.name : String(imported.value)]
    })
  })

type Cell = (...values: unknown[]) => Promise<Readonly<Record<string, unknown>>>
const AsyncFunction = (async () => {}).constructor as new (...parametersAndBody: string[]) => Cell

/** A notebook without cells yet. */
export const createNotebook = (modules: Modules) => {
  const scope = new Map<string, unknown>()
  // Of the cell that runs: a function of an earlier cell that is called by a later one says what it says there.
  let output: Output | undefined
  const log = (...values: readonly unknown[]) => output?.log(...values)
  const cellConsole = { log, warn: log, error: log }
  const display = (figure: unknown) => output?.display(figure)
  return {
    /**
     * Runs a cell: a module's code, in which names of earlier cells are known and `await` stands anywhere.
     *
     * @throws SyntaxError for code that is none; Error for a module or a name of one that is not here; what the code throws
     */
    run: async (code: string, shown: Output): Promise<void> => {
      output = shown
      const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module' })
      for (const [local, specifier, imported] of importsOf(program)) {
        const load = modules[specifier]
        if (!load) throw new Error(`"${specifier}" is not on this page: it has ${Object.keys(modules).join(', ')}`)
        const loaded = await load()
        if (imported !== '*' && !(imported in loaded)) throw new Error(`"${specifier}" has no export "${imported}"`)
        scope.set(local, imported === '*' ? loaded : loaded[imported])
      }
      const body = program.body
        .filter(({ type }) => type === 'ImportDeclaration')
        .reduce((text, statement) => blanked(text, statement), code)
      const declared = program.body.flatMap(declaredBy)
      const known = [...scope.keys()].filter((name) => !declared.includes(name))
      const cell = new AsyncFunction(
        ...['console', 'display', 'width', ...known],
        `'use strict'; ${body}\n;return { ${[...known, ...declared].join(', ')} }`,
      )
      const names = await cell(cellConsole, display, shown.width, ...known.map((name) => scope.get(name)))
      for (const [name, value] of Object.entries(names)) scope.set(name, value)
    },
  }
}
