// What SECURITY.md promises of the sources.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publishedPackages, root } from './published.mjs'

const sources = publishedPackages().flatMap(({ path }) =>
  readdirSync(join(root, path, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|js|mjs|svelte)$/.test(file) && !/\.test\.ts$|^testing\//.test(file)) // what is published
    .map((file) => ({ file: `${path}/src/${file}`, text: readFileSync(join(root, path, 'src', file), 'utf8') })),
)
const having = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ file }) => file)

/** Asks once more for what tfjs has just failed to load, from the same address, to say what stands there. */
const whyNoWasm = 'packages/backend-wasm/src/wasm-file.ts'

test('only @digitlab/data opens connections, and what says why tfjs could not', () => {
  const connecting = having(
    /\bfetch\(|\bXMLHttpRequest\b|\bWebSocket\b|\bEventSource\b|sendBeacon|\bhttps?\.(get|request)\(|\bconnect\(/,
  )
  expect(connecting.length).toBeGreaterThan(0)
  expect(connecting.filter((file) => !file.startsWith('packages/data/src/'))).toEqual([whyNoWasm])
})

test('nothing is evaluated, and no program is started', () => {
  expect(having(/\beval\(|new Function\(|node:child_process|node:vm\b/)).toEqual([])
})
