// The public surface of every entry of every published package, written down in packages/*/api/<entry>.api.md so that a
// change of it shows in review; and the same names, with what they are, in each package's README. `npm run api` writes both; `--check`
// compares, and says what differs.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { createTwoFilesPatch } from 'diff'
import type ts from 'typescript'
import { readmeWithNames } from './names'
import { entriesOf, publishedPackages, root, type Entry } from './published'

const check = process.argv.includes('--check')

/** What API Extractor is told of one entry. Its findings stand in the report itself, beside the name they are about. */
const configOf = (entry: Entry, path: string, temporary: string) =>
  ExtractorConfig.prepare({
    configObject: {
      projectFolder: join(root, path),
      mainEntryPointFilePath: entry.types,
      newlineKind: 'lf',
      compiler: { overrideTsconfig: tsconfig },
      apiReport: {
        enabled: true,
        reportFileName: `${entry.name}.api.md`,
        reportFolder: join(temporary, path, 'api'),
        reportTempFolder: join(temporary, path, 'temporary'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
          // All that is exported is public; whether it is documented, typedoc looks after.
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
          'ae-undocumented': { logLevel: ExtractorLogLevel.None },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, path, 'package.json'),
  })

const tsconfig = {
  compilerOptions: {
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
    module: 'esnext',
    moduleResolution: 'bundler',
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    strict: true,
    skipLibCheck: true,
  },
}

const entries = publishedPackages().flatMap((published) =>
  entriesOf(published).map((entry) => ({ ...entry, path: published.path })),
)
const unbuilt = entries.find(({ types }) => !existsSync(types))
if (unbuilt) {
  console.error(`${relative(root, unbuilt.types)} is not there: run "npm run build" first`)
  process.exit(1)
}

const temporary = await mkdtemp(join(tmpdir(), 'digitlab-api-'))
try {
  for (const { path } of entries) await mkdir(join(temporary, path, 'api'), { recursive: true })
  const configs = entries.map((entry) => configOf(entry, entry.path, temporary))
  // One compilation for all: each report costs milliseconds then, not seconds.
  const compilerState = CompilerState.create(configs[0]!, {
    // every workspace has a published package
    additionalEntryPoints: entries.map(({ types }) => types),
  })
  for (const config of configs)
    Extractor.invoke(config, {
      compilerState,
      localBuild: true,
      messageCallback: (message) => {
        message.handled = true
        if (message.logLevel === ExtractorLogLevel.Error) throw new Error(message.formatMessageWithLocation(root))
      },
    })

  const now = new Map<string, string>()
  for (const { path, name } of entries) {
    const file = `${path}/api/${name}.api.md`
    now.set(file, await readFile(join(temporary, file), 'utf8'))
  }
  const before = new Map<string, string>()
  for (const { path } of publishedPackages()) {
    const names = await readdir(join(root, path, 'api')).catch((): string[] => [])
    for (const name of names) before.set(`${path}/api/${name}`, await readFile(join(root, path, 'api', name), 'utf8'))
  }
  for (const published of publishedPackages()) {
    const readme = `${published.path}/README.md`
    before.set(readme, await readFile(join(root, readme), 'utf8'))
    now.set(readme, await readmeWithNames(published, compilerState.program as ts.Program))
  }
  const differing = [...new Set([...before.keys(), ...now.keys()])].filter((file) => before.get(file) !== now.get(file))

  if (check) {
    for (const file of differing)
      console.log(createTwoFilesPatch(file, file, before.get(file) ?? '', now.get(file) ?? '', 'committed', 'built'))
    if (differing.length > 0) {
      console.log(
        `the public surface, or what a README says of it, differs from ${differing.join(', ')}: if that is meant, run "npm run api"`,
      )
      process.exitCode = 1
    }
  } else {
    for (const file of differing) {
      const text = now.get(file)
      await mkdir(dirname(join(root, file)), { recursive: true })
      if (text === undefined) await rm(join(root, file))
      else await writeFile(join(root, file), text)
      console.log(`${text === undefined ? 'removed' : 'written'}: ${file}`)
    }
    if (differing.length === 0) console.log('nothing changed')
  }
} finally {
  await rm(temporary, { recursive: true, force: true })
}
