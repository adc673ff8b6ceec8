// Which files of tests have a process to themselves.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A driver that stands in for NVIDIA's, threads, and listeners of the process: what a process has once. */
const once = /^packages\/backend-(cuda|wasm)\//

/** TensorFlow.js has one engine a process: who counts its tensors, sets its flags or registers backends shares it with nobody. */
const ofEngine = /from '@tensorflow\/|import '@tensorflow\/|\/testing\/tiny'/

/** A signal to a command that runs in the process reaches every handler in it, those of programs that other files have started, too. */
const signals = /\.kill\(/

const testsIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : testsIn(path)
    return entry.name.endsWith('.test.ts') ? [path] : []
  })

/** Their paths from the root of the repository. */
export const ownProcess = ['packages', 'apps', 'tooling'].flatMap(testsIn).filter((path) => {
  const text = readFileSync(join(root, path), 'utf8')
  return once.test(path) || ofEngine.test(text) || signals.test(text)
})
