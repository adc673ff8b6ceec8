// Which files of tests share a process, and which have one to themselves.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A driver that stands in for NVIDIA's, threads, and listeners of the process: what a process has once. */
const once = /^packages\/backend-(cuda|wasm)\//

/** TensorFlow.js has one engine a process: who counts its tensors, sets its flags or registers backends shares it with nobody. */
const ofEngine = /from '@tensorflow\/|import '@tensorflow\/|\/testing\/tiny'/

/** Except with others that use its stock cpu backend alone, and leave the engine as it was (tooling/tfjs/one-engine.ts). */
const stock = /^packages\/(models|train|weights)\//
const ofBackends = /registerBackend/

/** A signal to a command that runs in the process reaches every handler in it, those of programs that other files have started, too. */
const signals = /\brunning\.kill\(/

const testsIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : testsIn(path)
    return entry.name.endsWith('.test.ts') ? [path] : []
  })

const places = ['packages', 'apps', 'tooling'].flatMap(testsIn).map((path) => {
  const text = readFileSync(join(root, path), 'utf8')
  if (signals.test(text) || once.test(path)) return { path, place: 'own process' }
  if (!ofEngine.test(text)) return { path, place: 'shared process' }
  return { path, place: stock.test(path) && !ofBackends.test(text) ? 'one engine' : 'own process' }
})
const at = (wanted: string) => places.filter(({ place }) => place === wanted).map(({ path }) => path)

/** The paths of those that share an engine, from the root of the repository. */
export const oneEngine = at('one engine')

/** The paths of those that share nothing. */
export const ownProcess = at('own process')
