// What SECURITY.md promises of the sources.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publishedPackages, root } from './published'

const sources = publishedPackages().flatMap(({ path }) =>
  readdirSync(join(root, path, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|js|mjs|svelte)$/.test(file) && !/\.test\.ts$|^testing\//.test(file)) // what is published
    .map((file) => ({ file: `${path}/src/${file}`, text: readFileSync(join(root, path, 'src', file), 'utf8') })),
)
const having = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ file }) => file)

/** Asks once more for what tfjs has just failed to load, from the same address, to say what stands there. */
const whyNoWasm = 'packages/backend-wasm/src/wasm-file.ts'

/** Sends runs to the MLflow server that its command line names. */
const sendsRuns = 'apps/cli/src/mlflow.ts'

/** Asks the mirrors whether they answer, when somebody asks it what is amiss. */
const looksForMirrors = 'apps/cli/src/doctor.ts'

/** Asks Hugging Face by its own client, for a push and for weights that are named hf:. */
const asksTheHub = 'apps/cli/src/hub.ts'

test('only @digitlab/data opens connections, and the four that SECURITY.md names', () => {
  const connecting = having(
    /\bfetch\(|\bXMLHttpRequest\b|\bWebSocket\b|\bEventSource\b|sendBeacon|\bhttps?\.(get|request)\(|\bconnect\(/,
  )
  expect(connecting.length).toBeGreaterThan(0)
  expect(connecting.filter((file) => !file.startsWith('packages/data/src/'))).toEqual([
    whyNoWasm,
    looksForMirrors,
    sendsRuns,
  ])
  expect(having(/@huggingface\/hub'/)).toEqual([asksTheHub])
})

/** Starts the command itself as workers of a sweep, and ssh and Slurm's programs where a sweep is to run there. */
const startsPrograms = 'apps/cli/src/processes.ts'

test('nothing is evaluated, and only a sweep starts programs', () => {
  expect(having(/\beval\(|new Function\(|node:vm\b/)).toEqual([])
  expect(having(/node:child_process/)).toEqual([startsPrograms])
  const asked = sources.flatMap(({ file, text }) => (/from '[./]*\/processes'/.test(text) ? [file] : []))
  expect(asked.filter((file) => !/^apps\/cli\/src\/(sweep|commands)\//.test(file))).toEqual([])
})
