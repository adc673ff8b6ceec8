import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundledInto } from './bundled'
import { root } from './published'

const manifest = { name: 'page', files: ['dist', 'src', '!src/**/*.test.ts'] }
let folder = ''
const write = async (file: string, content: string | object) => {
  await mkdir(dirname(join(folder, file)), { recursive: true })
  await writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content))
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-bundled-'))
  await write('src/main.js', '')
  await write('dist/main.js', '')
  await write('dist/main.js.map', { sources: ['../src/main.js'] })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a package that bundles its own sources alone has nothing of others in it', () => {
  expect(bundledInto(folder, manifest)).toEqual([])
})

test('code of others is found by the source maps, with its licence, and so is code that has none', async () => {
  await write('node_modules/.store/a@1/node_modules/@some/plot/package.json', {
    name: '@some/plot',
    version: '1.2.3',
    license: 'ISC',
  })
  await write('node_modules/.store/a@1/node_modules/@some/plot/LICENSE', 'Copyright Somebody\n')
  await write('dist/assets/page.js', '')
  const source = '../../node_modules/.store/a@1/node_modules/@some/plot/src/plot.js'
  await write('dist/assets/page.js.map', { sources: [source, '../../src/main.js'] })
  expect(bundledInto(folder, manifest)).toEqual([
    { name: '@some/plot', version: '1.2.3', licence: 'ISC', text: 'Copyright Somebody', notices: [] },
  ])
  await write('dist/assets/other.js', '')
  expect(() => bundledInto(folder, manifest)).toThrow('other.js has no source map')
})

test('of a package without a file of its licence, what its sources say is told, each notice once', async () => {
  const owner = 'node_modules/.store/b@1/node_modules/bare'
  await write(`${owner}/package.json`, { name: 'bare', version: '1.0.0', license: 'ISC' })
  for (const name of ['one.js', 'two.js'])
    await write(`${owner}/${name}`, '// Copyright Somebody Else\n// All rights reserved.\nexport {}\n')
  await write('lib/main.js', '')
  await write('lib/main.js.map', { sources: ['one.js', 'two.js'].map((name) => `../${owner}/${name}`) })
  expect(bundledInto(folder, { ...manifest, files: ['lib'] })).toEqual([
    {
      name: 'bare',
      version: '1.0.0',
      licence: 'ISC',
      text: '',
      notices: ['Copyright Somebody Else\nAll rights reserved.'],
    },
  ])
})

test("no function of AssemblyScript's library is in the WebAssembly modules", async () => {
  const script = join(root, 'packages/backend-wasm/scripts/compile.mjs')
  const { compile } = (await import(script)) as {
    compile: (flavour: string, options: { names: boolean }) => Promise<Buffer>
  }
  const module = await compile('relaxed', { names: true })
  expect(module.includes('assembly/dense')).toBe(true) // the names are there
  expect(module.includes('~lib/')).toBe(false)
})
