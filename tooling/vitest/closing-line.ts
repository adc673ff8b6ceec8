import type { Reporter, TestModule } from 'vitest/node'

/** Ends the output with `N passed, N failed[, N skipped]`; a file that does not load, or a hook that fails, counts as failed. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]) {
    let [passed, failed, skipped] = [0, errors.length, 0]
    const reasons = new Map<string, number>()
    for (const module of modules) {
      if (module.errors().length > 0) failed++
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failed++ // its beforeAll or afterAll
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'failed') failed++
        else {
          skipped++
          const reason = result.state === 'skipped' ? (result.note ?? 'no reason given') : 'did not run'
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
        }
      }
    }
    for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`)
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  }
}
