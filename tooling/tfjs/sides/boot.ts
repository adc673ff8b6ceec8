// Puts Jasmine's functions where the specs look for them, and tells tfjs's on which backend to run them.
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js'
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js'
import jasmineRequire from 'jasmine-core/lib/jasmine-core/jasmine.js'

/** What became of a spec: its full name, and what it expected in vain. */
export interface SpecResult {
  readonly name: string
  readonly status: string
  readonly messages: readonly string[]
}

const jasmine = jasmineRequire.core(jasmineRequire)
const runner = jasmine.getEnv({ suppressLoadErrors: true })
Object.assign(globalThis, jasmineRequire.interface(jasmine, runner))
runner.configure({ random: false })

/** Takes the specs that are loaded from now on for a backend. */
export const expectOn = (backendName: string): void => setTestEnvs([{ name: 'test', backendName, isDataSync: true }])

/** Runs what is loaded. */
export const runSpecs = async (): Promise<SpecResult[]> => {
  const results: SpecResult[] = []
  runner.addReporter({
    specDone: ({ fullName, status, failedExpectations }) =>
      results.push({ name: fullName, status, messages: failedExpectations.map(({ message }) => message) }),
    suiteDone: ({ fullName, failedExpectations }) => {
      if (failedExpectations.length > 0)
        results.push({ name: fullName, status: 'failed', messages: failedExpectations.map(({ message }) => message) })
    },
  })
  await runner.execute()
  return results
}
