// @ts-check
// tsc and then eslint in one process, on one program: what tsc has found out of types the rules that ask for them need not find out again,
// which is a quarter of the time of both. `npm test` runs it where others run `tsc && eslint .`.
//
//     node tooling/setup/types-and-lint.mjs [file that says which files were clean: they are not linted again]
import { fileURLToPath } from 'node:url'
import { ESLint } from 'eslint'
import tseslint from 'typescript-eslint'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))
const [cacheLocation] = process.argv.slice(2)
process.chdir(root)

const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path))
const { fileNames, options, errors } = ts.parseJsonConfigFileContent(config, ts.sys, root, undefined, 'tsconfig.json')
const host = ts.createIncrementalCompilerHost(options)
const incremental = ts.createIncrementalProgram({
  rootNames: fileNames,
  options,
  host,
  configFileParsingDiagnostics: errors,
})
const program = incremental.getProgram()
/** Of the files alone that have changed since, or whose imports have. */
const found = [
  ...[...errors, ...incremental.getOptionsDiagnostics(), ...incremental.getGlobalDiagnostics()],
  ...[...incremental.getSyntacticDiagnostics(), ...incremental.getSemanticDiagnostics()],
]
incremental.emit() // what is known of files now
if (found.length > 0) {
  const shown = {
    getCanonicalFileName: (/** @type {string} */ name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  }
  console.error(ts.formatDiagnosticsWithColorAndContext(found, shown))
}

/** @typedef {(code: string, options?: object) => import('eslint').Linter.ESLintParseResult} ParseForESLint */
const parseForESLint = /** @type {ParseForESLint} */ (tseslint.parser.parseForESLint)
/** The rules' parser, given that program. It keeps its name, by which the cache knows it. */
const parser = {
  ...tseslint.parser,
  parseForESLint: /** @type {ParseForESLint} */ (
    (code, options) => parseForESLint(code, { ...options, programs: [program] })
  ),
}
process.env['TSESTREE_SINGLE_RUN'] = 'true' // as the parser finds out by itself where the command runs: the page's program is made once
const eslint = new ESLint({
  cwd: root,
  ...(cacheLocation === undefined ? {} : { cache: true, cacheStrategy: 'content', cacheLocation }),
  overrideConfig: { files: ['**/*.ts'], ignores: ['apps/web/**'], languageOptions: { parser } },
})
const results = await eslint.lintFiles('.')
const faults = results.reduce((sum, { errorCount, warningCount }) => sum + errorCount + warningCount, 0)
if (faults > 0) console.error(await (await eslint.loadFormatter('stylish')).format(results))
process.exitCode = found.length + faults > 0 ? 1 : 0
