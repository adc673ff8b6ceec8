// The types of every entry, as a strict program of another team sees them: without Node's types, without a look aside from
// what is in the packages, from an ES module, from CommonJS and for a bundler.
import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeConsumer, type Consumer } from './consumer'
import { entriesOf, publishedPackages } from './published.mjs'

let consumer: Consumer | undefined
beforeAll(async () => {
  consumer = await makeConsumer()
}, 300_000)
afterAll(() => consumer?.remove())

const specifiers = publishedPackages()
  .flatMap(entriesOf)
  .map(({ specifier }) => specifier)
const modules = specifiers.map((specifier, i) => `import * as entry${i} from '${specifier}'\nvoid entry${i}\n`)
const required = specifiers.map((specifier, i) => `import entry${i} = require('${specifier}')\nvoid entry${i}\n`)

test.each([
  { by: 'Node', module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  { by: 'a bundler', module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
])('resolved by $by', { timeout: 300_000 }, async ({ module, moduleResolution }) => {
  const { folder } = consumer as Consumer
  const files = [join(folder, 'program.ts')]
  await writeFile(join(folder, 'program.ts'), modules.join(''))
  if (module === ts.ModuleKind.Node16) files.push(join(folder, 'program.cts'))
  await writeFile(join(folder, 'program.cts'), required.join(''))
  const program = ts.createProgram(files, {
    module,
    moduleResolution,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  })
  const found = ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => !file?.fileName.includes('/@tensorflow/')) // tfjs-core's own name a type Long that is nowhere
    .map(
      ({ file, messageText }) =>
        `${file ? relative(folder, file.fileName) : ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    )
  expect(found).toEqual([])
})
