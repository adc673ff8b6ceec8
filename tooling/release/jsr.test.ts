import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jsrPackages, writeJsrSources } from './jsr-sources'

const root = fileURLToPath(new URL('../..', import.meta.url))
const packages = jsrPackages(root)

test('idx, random and weights go to JSR', () => {
  expect(packages.map(({ manifest }) => manifest.name)).toEqual([
    '@digitlab/idx',
    '@digitlab/random',
    '@digitlab/weights',
  ])
})

describe.each(packages)('$manifest.name', (one) => {
  let folder = ''
  let files: string[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'digitlab-jsr-test-'))
    files = await writeJsrSources(root, one, folder)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const text = (file: string) => readFile(join(folder, file), 'utf8')

  test('jsr.json says what package.json says', async () => {
    const { name, version, license } = one.manifest
    expect(JSON.parse(await text('jsr.json'))).toEqual({ name, version, license, exports: { '.': './src/index.ts' } })
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'src/index.ts']))
    expect(files.filter((file) => /\.test\.ts$|testing/.test(file))).toEqual([])
  })

  test('imports say which file, or which version of which package', async () => {
    for (const file of files.filter((file) => file.endsWith('.ts')))
      for (const { fileName } of ts.preProcessFile(await text(file), true, true).importedFiles)
        if (fileName.startsWith('.')) expect(files).toContain(join('src', fileName))
        else expect(fileName).toMatch(/^(node:|npm:(@[\w-]+\/)?[\w-]+@\^?\d+\.\d+\.\d+(\/\w+)?$)/)
  })

  test('every export has its type beside it: JSR makes the declarations without a compiler', async () => {
    const compilerOptions = { isolatedDeclarations: true, declaration: true }
    for (const file of files.filter((file) => file.endsWith('.ts'))) {
      const options = { fileName: file, reportDiagnostics: true, compilerOptions }
      const { diagnostics = [] } = ts.transpileDeclaration(await text(file), options)
      expect(
        diagnostics.map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`),
      ).toEqual([])
    }
  })
})
