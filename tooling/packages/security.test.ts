// What SECURITY.md promises of the sources.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publishedPackages, root } from './published.mjs'

const sources = publishedPackages().flatMap(({ path }) =>
  readdirSync(join(root, path, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|js|mjs|svelte)$/.test(file) && !/\.test\.ts$/.test(file))
    .map((file) => ({ file: `${path}/src/${file}`, text: readFileSync(join(root, path, 'src', file), 'utf8') })),
)
const having = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ file }) => file)

test('only @digitlab/data opens connections', () => {
  const connecting = having(
    /\bfetch\(|\bXMLHttpRequest\b|\bWebSocket\b|\bEventSource\b|sendBeacon|\bhttps?\.(get|request)\(|\bconnect\(/,
  )
  expect(connecting.length).toBeGreaterThan(0)
  expect(connecting.filter((file) => !file.startsWith('packages/data/src/'))).toEqual([])
})

test('nothing is evaluated, and no program is started', () => {
  expect(having(/\beval\(|new Function\(|node:child_process|node:vm\b/)).toEqual([])
})
