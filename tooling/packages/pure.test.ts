// What needs no tensors loads without TensorFlow.js: each entry below, as built, in a process that can't find it.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { root } from './published'

const hook = `export const resolve = (name, context, next) => {
  if (name.startsWith('@tensorflow/')) throw new Error('imports ' + name + ' by way of ' + context.parentURL)
  return next(name, context)
}`

/** Runs a program as a file of a package would run that imports it. */
const runPure = (entry: string, statement: string) => {
  const register = `import { register } from 'node:module'\nregister(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)})`
  const program = `import * as entry from ${JSON.stringify(pathToFileURL(join(root, entry)).href)}\n${statement}`
  return execFileSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(register)}`, '--input-type=module', '--eval', program],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  ).trim()
}

test.each([
  ['packages/models/dist/index.js', 'console.log(entry.resolveModel("cnn").parameterCount)', '20490'],
  ['packages/train/dist/experiment.js', 'console.log(entry.completeExperiment({ model: "cnn" }).seed)', '0'],
  ['packages/train/dist/images.js', 'console.log(entry.serveImages.name)', 'serveImages'],
  ['packages/train/dist/run.js', 'console.log(entry.runVersion)', '1'],
  ['packages/weights/dist/index.js', 'console.log(entry.readSafetensors.name)', 'readSafetensors'],
])('%s', (entry, statement, printed) => {
  expect(runPure(entry, statement)).toBe(printed)
})

test('an entry that does need it is told apart', () => {
  expect(() => runPure('packages/models/dist/compute.js', '')).toThrow('imports @tensorflow/tfjs-core by way of')
})
