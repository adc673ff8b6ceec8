import { availableParallelism } from 'node:os'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'
import { ClosingLine } from './tooling/vitest/closing-line.ts'
import { LongestFirst } from './tooling/vitest/longest-first.ts'
import { oneEngine, ownProcess } from './tooling/vitest/processes.ts'

interface Files {
  readonly include: string[]
  readonly exclude?: string[]
  readonly isolate: boolean
  readonly setup?: string[]
}

const project = (name: string, { include, exclude = [], isolate, setup = [] }: Files): TestProjectConfiguration => ({
  // Tests run on the sources, so that no stale build can pass them.
  resolve: { conditions: ['@digitlab/source'] },
  ssr: { resolve: { conditions: ['@digitlab/source'] } },
  test: {
    name,
    include,
    exclude: ['**/node_modules/**', '**/dist/**', ...exclude],
    setupFiles: ['tooling/vitest/setup.ts', ...setup],
    isolate,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 100_000 } }, // as long as anything else of a test may take: a second is not enough on a busy machine
  },
})

export default defineConfig({
  test: {
    // Most files leave their process as they found it (tooling/vitest/setup.ts holds them to it), and those that follow find loaded what they
    // need: that takes half a second of a file.
    projects: [
      project('shared', {
        include: ['{packages,apps,tooling}/**/*.test.ts'],
        exclude: [...oneEngine, ...ownProcess],
        isolate: false,
      }),
      project('engine', { include: oneEngine, isolate: false, setup: ['tooling/tfjs/one-engine.ts'] }),
      project('alone', { include: ownProcess, isolate: true }),
    ],
    globalSetup: ['tooling/vitest/once.ts'],
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new ClosingLine()],
    // Four files at once on two cores, too: a third of the time tests wait for a process, a browser or Slurm's clock.
    maxWorkers: Math.max(4, availableParallelism() - 1),
  },
})
