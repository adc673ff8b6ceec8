// "Go to definition" of every name that a package exports ends in its source, where the name is declared.
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeConsumer, type Consumer } from './consumer'
import { definitionsIn } from './definitions'
import { entriesOf, publishedPackages, root } from './published'

let consumer: Consumer | undefined
beforeAll(async () => {
  consumer = await makeConsumer()
}, 300_000)
afterAll(() => consumer?.remove())

const exported = publishedPackages().flatMap((published) =>
  entriesOf(published).flatMap(({ name, specifier }) => {
    const report = readFileSync(join(root, published.path, 'api', `${name}.api.md`), 'utf8')
    const names = report.matchAll(/^export (?:declare |abstract )*(?:const|type|interface|class|function) (\w+)/gm)
    const entry = readFileSync(join(root, published.path, 'src', `${name}.ts`), 'utf8')
    return Array.from(names, ([, exported = '']) => {
      const [, declared = exported] = new RegExp(`(\\w+) as ${exported}\\b`).exec(entry) ?? []
      return { specifier, exported, declared }
    })
  }),
)

test('every exported name leads to its line in src', async () => {
  expect(exported.length).toBeGreaterThan(500)
  const { folder } = consumer as Consumer
  const file = join(folder, 'definitions.ts')
  const lines = exported.map(({ specifier, exported }, i) => `export { ${exported} as name${i} } from '${specifier}'\n`)
  await writeFile(file, lines.join(''))
  const compilerOptions = { module: 'node16', target: 'es2022', lib: ['es2023', 'dom'], types: [] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['definitions.ts'] }))
  const found = await definitionsIn(
    file,
    exported.map((_, i) => ({ line: i + 1, offset: 'export { '.length + 1 })),
  )
  const astray = exported.flatMap(({ specifier, exported, declared }, i) => {
    const leads = (found[i] ?? []).some((place) => {
      const [, source = '', line = ''] = /^(.*\/node_modules\/@digitlab\/[^/]+\/src\/.*):(\d+)$/.exec(place) ?? []
      return source !== '' && readFileSync(source, 'utf8').split('\n')[Number(line) - 1]?.includes(declared) === true
    })
    return leads ? [] : [`${exported} of ${specifier}: ${found[i]?.join(', ')}`]
  })
  expect(astray).toEqual([])
})
