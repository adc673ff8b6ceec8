import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { ClosingLine } from './tooling/vitest/closing-line.ts'
import { LongestFirst } from './tooling/vitest/longest-first.ts'

export default defineConfig({
  // Tests run on the sources, so that no stale build can pass them.
  resolve: { conditions: ['@digitlab/source'] },
  ssr: { resolve: { conditions: ['@digitlab/source'] } },
  test: {
    include: ['{packages,apps,tooling}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['tooling/vitest/once.ts'],
    setupFiles: ['tooling/vitest/setup.ts'],
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new ClosingLine()],
    // Four files at once on two cores, too: a third of the time tests wait for a process, a browser or Slurm's clock.
    maxWorkers: Math.max(4, availableParallelism() - 1),
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
