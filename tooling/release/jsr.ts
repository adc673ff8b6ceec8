// `npm run release:jsr`: publishes to JSR what it does not have yet of the packages that go there beside npm. On GitHub the job's own
// identity is enough; elsewhere Deno asks in a browser.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { jsrPackages, writeJsrSources } from './jsr-sources'
import { ReleaseError } from './release-error'
import { npm, run } from './shell'

const usage = `npm run release:jsr -- [--dry-run]

  --dry-run   check what would be published, and send nothing`

/** It comes from npm. */
const deno = 'deno@2.9.6'
const root = fileURLToPath(new URL('../..', import.meta.url))

const main = async (flags: readonly string[]) => {
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-jsr-'))
  try {
    for (const one of jsrPackages(root)) {
      const cwd = join(folder, basename(one.path))
      await mkdir(cwd)
      await writeJsrSources(root, one, cwd)
      await run([...npm(), 'exec', '--yes', '--', deno, 'publish', ...flags], { cwd, seconds: 300, show: true })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const flag = { type: 'boolean', default: false } as const
try {
  const { values } = parseArgs({ options: { 'dry-run': flag, help: flag } })
  if (values.help) console.log(usage)
  else await main(values['dry-run'] ? ['--dry-run'] : [])
} catch (error) {
  if (!(error instanceof ReleaseError) && !(error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS'))
    throw error
  console.error(`jsr: ${(error as Error).message}`)
  process.exitCode = error instanceof ReleaseError ? 1 : 2
}
