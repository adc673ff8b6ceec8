// What conformance.test.ts calls in the page: the suite of @digitlab/ops, case by case.
import { operationPaths } from '@digitlab/ops'
import { conformanceCases } from '@digitlab/ops/conformance'
import { backendOf, type PageBackendId } from './backends'

const cases = new Map(conformanceCases().map(({ name, run }) => [name, run]))

/** @returns what was wrong, or undefined */
const runCase = async (name: string): Promise<string | undefined> => {
  const run = cases.get(name)
  if (!run) return 'the page has no such case'
  return run().then(
    () => undefined,
    (error: Error) => error.message,
  )
}

/** One after the other. @returns of each what was wrong, or null */
const runCases = async (names: readonly string[]): Promise<(string | null)[]> => {
  const wrong: (string | null)[] = []
  for (const name of names) wrong.push((await runCase(name)) ?? null)
  return wrong
}

const start = async (id: PageBackendId, simd: 'auto' | 'relaxed' | 'plain') => {
  await backendOf(id, simd).start()
  return operationPaths()
}

const api = { start, runCases }
export type ConformancePage = typeof api

Object.assign(globalThis, { digitlab: api })
