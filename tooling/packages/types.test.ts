// The types of every entry, as a strict program of another team sees them: without Node's types, without a look aside from
// what is in the packages, from an ES module, from CommonJS and for a bundler.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeConsumer, type Consumer } from './consumer'
import { entriesOf, publishedPackages, root } from './published'

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

/** What is for pages alone, and takes their types. */
const forPages = ['@digitlab/data/web']

test.each([
  { with: 'the types of Node and of pages', lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'], without: [] },
  { with: 'the types of Node alone', lib: ['lib.es2023.d.ts'], without: forPages },
])('with $with, libraries checked too', { timeout: 300_000 }, async ({ lib, without }) => {
  const { folder } = consumer as Consumer
  // tfjs-core names types of pages, whoever takes it: what is found in it and in the types of WebGPU that it brings is its own.
  const file = join(folder, 'with-node.ts')
  const taken = specifiers.filter((specifier) => !without.includes(specifier))
  await writeFile(
    file,
    taken.map((specifier, i) => `import * as entry${i} from '${specifier}'\nvoid entry${i}\n`).join(''),
  )
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    target: ts.ScriptTarget.ES2022,
    lib,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  })
  const found = ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => !/\/@(tensorflow|webgpu)\//.test(file?.fileName ?? ''))
  expect(
    found.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`),
  ).toEqual([])
})

/** Without the types of Node, and where an entry takes nothing of a page's, without those. */
const withoutTensors = [
  { entries: ['weights', 'models', 'report', 'report/figures'], lib: ['lib.es2023.d.ts'] },
  { entries: ['weights', 'data', 'train/experiment', 'train/run'], lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'] },
]

test('what needs no tensors is typed without TensorFlow.js', { timeout: 300_000 }, async () => {
  const { folder } = consumer as Consumer
  const pure = await mkdtemp(join(tmpdir(), 'digitlab-pure-'))
  try {
    // The packages as they are installed, and none of TensorFlow.js beside them.
    await cp(join(folder, 'node_modules', '@digitlab'), join(pure, 'node_modules', '@digitlab'), { recursive: true })
    await writeFile(join(pure, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    for (const { entries, lib } of withoutTensors) {
      const lines = entries.map((entry, i) => `import * as entry${i} from '@digitlab/${entry}'\nvoid entry${i}\n`)
      await writeFile(join(pure, 'program.ts'), lines.join(''))
      const program = ts.createProgram([join(pure, 'program.ts')], {
        module: ts.ModuleKind.Node16,
        moduleResolution: ts.ModuleResolutionKind.Node16,
        target: ts.ScriptTarget.ES2022,
        lib,
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
      })
      const found = ts.getPreEmitDiagnostics(program)
      expect(
        found.map(
          ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
        ),
      ).toEqual([])
    }
  } finally {
    await rm(pure, { recursive: true, force: true })
  }
})
