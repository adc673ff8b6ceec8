// Known vulnerabilities of everything that the lock file names. `npm run audit` ends with 1 for one that is high or critical
// and not explained in audit-explained.json. A registry without an audit endpoint is no finding: it says that it asked in
// vain, and with --required ends with 1 for that, too.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { execa } from 'execa'
import { judge, type AuditReport, type Explained } from './advisories'
import { root } from './published'

const explained = JSON.parse(
  readFileSync(fileURLToPath(new URL('audit-explained.json', import.meta.url)), 'utf8'),
) as Explained[]

const pnpm = join(root, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs')
const asked = { cwd: root, reject: false, timeout: 120_000 } as const
const { stdout = '' } = await execa(process.execPath, [pnpm, 'audit', '--json'], asked)
let report: AuditReport
try {
  report = JSON.parse(stdout) as AuditReport
} catch {
  report = { error: { message: stdout.trim() || 'no answer within two minutes' } }
}

if (report.error || !report.advisories) {
  const why = report.error?.message ?? report.error?.summary ?? 'its answer holds no advisories'
  console.log(`skipped: the registry cannot be asked for advisories here (${why})`)
  process.exitCode = process.argv.includes('--required') ? 1 : 0
} else {
  const { unexplained, outdated } = judge(report, explained)
  for (const { advisory, severity, title, path } of unexplained)
    console.log(
      `${severity}: ${title} (${advisory}), by ${path}: update it, or say in audit-explained.json why it does no harm`,
    )
  for (const known of outdated)
    console.log(
      `${known.advisory} of ${known.package} is explained but no longer found: take it out of audit-explained.json`,
    )
  const total = Object.keys(report.advisories).length
  console.log(`${total} advisories, ${unexplained.length} of them high or critical and not explained`)
  process.exitCode = unexplained.length + outdated.length > 0 ? 1 : 0
}
