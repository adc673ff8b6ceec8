// The types of every entry, as a strict program of another team sees them: with and without lib dom, with and without Node's types,
// from an ES module, from CommonJS and for a bundler.
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

const resolutions = {
  Node: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  'a bundler': { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
}

/** What was parsed, by how it was parsed: four programs read the same libraries. */
const parsed = new Map<string, ts.SourceFile | undefined>()

const hostFor = (options: ts.CompilerOptions): ts.CompilerHost => {
  const host = ts.createCompilerHost(options)
  return {
    ...host,
    getSourceFile: (file, how, ...rest) => {
      if (file.startsWith(`${(consumer as Consumer).folder}/program`)) return host.getSourceFile(file, how, ...rest)
      const key = [options.module, JSON.stringify(how), file].join(' ')
      if (!parsed.has(key)) parsed.set(key, host.getSourceFile(file, how, ...rest))
      return parsed.get(key)
    },
  }
}

const ways = (['Node', 'a bundler'] as const).flatMap((by) =>
  [true, false].flatMap((dom) => [true, false].map((node) => ({ by, dom, node }))),
)
/** By default each of the three as it may be, in two programs; all eight where all is asked for. */
const tried =
  process.env['DIGITLAB_ALL'] === '1'
    ? ways
    : ways.filter(({ by, dom, node }) => dom !== node && dom === (by !== 'Node'))

test.each(tried)(
  'resolved by $by, with lib dom: $dom, with the types of Node: $node',
  { timeout: 300_000 },
  async (how) => {
    const { folder } = consumer as Consumer
    const files = [join(folder, 'program.ts'), ...(how.by === 'Node' ? [join(folder, 'program.cts')] : [])]
    await writeFile(join(folder, 'program.ts'), modules.join(''))
    await writeFile(join(folder, 'program.cts'), required.join(''))
    const options: ts.CompilerOptions = {
      ...resolutions[how.by],
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', ...(how.dom ? ['lib.dom.d.ts'] : [])],
      types: how.node ? ['node'] : [],
      typeRoots: [join(root, 'node_modules', '@types')],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    }
    const program = ts.createProgram(files, options, hostFor(options))
    // Whatever is found in tfjs-core, which names types of pages and a type Long that is nowhere, or in the compiler's own libraries is
    // theirs: only what is in the packages is asked for.
    const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(`${folder}/`))
    expect(own.length).toBeGreaterThan(specifiers.length)
    const found = [
      ...program.getOptionsDiagnostics(),
      ...own.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
    ].map(
      ({ file, messageText }) =>
        `${file ? relative(folder, file.fileName) : ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    )
    expect(found).toEqual([])
  },
)

test('with lib dom or the types of Node, a stream and a signal are theirs', async () => {
  const { folder } = consumer as Consumer
  await writeFile(
    join(folder, 'program.ts'),
    `import { streamIdx } from '@digitlab/idx'
import type { DownloadOptions } from '@digitlab/data/node'
import type { RunOptions } from '@digitlab/train'
export const run: RunOptions['signal'] = AbortSignal.timeout(1)
export const native = (options: DownloadOptions, run: RunOptions): (AbortSignal | undefined)[] => [options.signal, run.signal]
export const bytes = (stream: ReadableStream<Uint8Array>) => streamIdx(stream)
// @ts-expect-error: no text
export const text = (stream: ReadableStream<string>) => streamIdx(stream)
// @ts-expect-error: no signal
export const wrong: RunOptions['signal'] = { aborted: false }
`,
  )
  for (const [lib, types] of [
    [['lib.es2023.d.ts', 'lib.dom.d.ts'], []],
    [['lib.es2023.d.ts'], ['node']],
  ] as const) {
    const options: ts.CompilerOptions = {
      ...resolutions.Node,
      target: ts.ScriptTarget.ES2022,
      lib: [...lib],
      types: [...types],
      typeRoots: [join(root, 'node_modules', '@types')],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    }
    const program = ts.createProgram([join(folder, 'program.ts')], options, hostFor(options))
    const found = program.getSemanticDiagnostics(program.getSourceFile(join(folder, 'program.ts')))
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([])
  }
})

/** What needs no tensors. */
const withoutTensors = ['weights', 'models', 'report', 'report/figures', 'data', 'train/experiment', 'train/run']

test('what needs no tensors is typed without TensorFlow.js', { timeout: 300_000 }, async () => {
  const { folder } = consumer as Consumer
  const pure = await mkdtemp(join(tmpdir(), 'digitlab-pure-'))
  try {
    // The packages as they are installed, and none of TensorFlow.js beside them.
    await cp(join(folder, 'node_modules', '@digitlab'), join(pure, 'node_modules', '@digitlab'), { recursive: true })
    await writeFile(join(pure, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    const lines = withoutTensors.map((entry, i) => `import * as entry${i} from '@digitlab/${entry}'\nvoid entry${i}\n`)
    await writeFile(join(pure, 'program.ts'), lines.join(''))
    const program = ts.createProgram([join(pure, 'program.ts')], {
      ...resolutions.Node,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    })
    const found = ts
      .getPreEmitDiagnostics(program)
      .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
    expect(found).toEqual([])
  } finally {
    await rm(pure, { recursive: true, force: true })
  }
})
