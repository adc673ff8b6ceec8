import { availableParallelism } from 'node:os'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'
import { ClosingLine } from './tooling/vitest/closing-line.ts'
import { LongestFirst } from './tooling/vitest/longest-first.ts'
import { ownProcess } from './tooling/vitest/own-process.ts'

const project = (name: string, include: string[], exclude: string[], isolate: boolean): TestProjectConfiguration => ({
  // Tests run on the sources, so that no stale build can pass them.
  resolve: { conditions: ['@digitlab/source'] },
  ssr: { resolve: { conditions: ['@digitlab/source'] } },
  test: {
    name,
    include,
    exclude: ['**/node_modules/**', '**/dist/**', ...exclude],
    setupFiles: ['tooling/vitest/setup.ts'],
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
      project('shared', ['{packages,apps,tooling}/**/*.test.ts'], ownProcess, false),
      project('alone', ownProcess, [], true),
    ],
    globalSetup: ['tooling/vitest/once.ts'],
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new ClosingLine()],
    // Four files at once on two cores, too: a third of the time tests wait for a process, a browser or Slurm's clock.
    maxWorkers: Math.max(4, availableParallelism() - 1),
  },
})
