import { defineConfig } from 'vitest/config'
import { ClosingLine } from './tooling/vitest/closing-line.ts'

export default defineConfig({
  // Tests run on the sources, so that no stale build can pass them.
  resolve: { conditions: ['@digitlab/source'] },
  ssr: { resolve: { conditions: ['@digitlab/source'] } },
  test: {
    include: ['{packages,apps,tooling}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    setupFiles: ['tooling/vitest/setup.ts'],
    reporters: ['default', new ClosingLine()],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
