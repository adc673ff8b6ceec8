import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { judge, type Explained } from './advisories'
import { root } from './published'

const advisory = (severity: string, id: string) => ({
  id: 1,
  github_advisory_id: id,
  module_name: 'some-parser',
  severity,
  title: 'Parses without end',
  findings: [{ version: '1.0.0', paths: ['packages__report>some-parser'] }],
})
const report = {
  advisories: {
    1: advisory('critical', 'GHSA-aaaa'),
    2: advisory('high', 'GHSA-bbbb'),
    3: advisory('moderate', 'GHSA-cccc'),
  },
}

test('what is high or critical must be explained, one by one', () => {
  expect(judge(report, []).unexplained.map((found) => found.advisory)).toEqual(['GHSA-aaaa', 'GHSA-bbbb'])
  const known = { advisory: 'GHSA-aaaa', package: 'some-parser', reason: 'only our own files are parsed' }
  expect(judge(report, [known])).toEqual({
    unexplained: [
      {
        advisory: 'GHSA-bbbb',
        package: 'some-parser',
        severity: 'high',
        title: 'Parses without end',
        path: 'packages__report>some-parser',
      },
    ],
    outdated: [],
  })
})

test('an explanation of something else, or of what is gone, does not count', () => {
  const other = { advisory: 'GHSA-aaaa', package: 'another', reason: 'it is another' }
  expect(judge(report, [other])).toMatchObject({ unexplained: [{}, {}], outdated: [other] })
  expect(judge({ advisories: {} }, [other])).toEqual({ unexplained: [], outdated: [other] })
})

test('every committed explanation says why', () => {
  const text = readFileSync(join(root, 'tooling/packages/audit-explained.json'), 'utf8')
  for (const { advisory: id, package: name, reason } of JSON.parse(text) as Explained[]) {
    expect(id).toMatch(/^GHSA-/)
    expect(name).not.toBe('')
    expect(reason.length).toBeGreaterThan(20)
  }
})
