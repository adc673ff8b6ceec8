/** An advisory ("GHSA-...") that is known, and why it does no harm here. */
export interface Explained {
  readonly advisory: string
  readonly package: string
  readonly reason: string
}

/** What pnpm says of one advisory. */
interface Found {
  readonly github_advisory_id?: string
  readonly id?: number
  readonly module_name: string
  readonly severity: string
  readonly title: string
  /** How the package comes in: "packages__report>linkedom>...". */
  readonly findings?: readonly { readonly paths?: readonly string[] }[]
}

/** What "pnpm audit --json" says. */
export interface AuditReport {
  readonly advisories?: Readonly<Record<string, Found>>
  readonly error?: { readonly message?: string; readonly summary?: string }
}

interface Named {
  readonly advisory: string
  readonly package: string
}

const same = (one: Named, other: Named) => one.advisory === other.advisory && one.package === other.package

/** What an audit's report asks for: what is high or critical and not explained, and explanations of what is no longer found. */
export const judge = (report: AuditReport, explained: readonly Explained[]) => {
  const found = Object.values(report.advisories ?? {}).map((advisory) => ({
    advisory: advisory.github_advisory_id ?? String(advisory.id),
    package: advisory.module_name,
    severity: advisory.severity,
    title: advisory.title,
    path: advisory.findings?.[0]?.paths?.[0] ?? advisory.module_name,
  }))
  const grave = found.filter(({ severity }) => severity === 'high' || severity === 'critical')
  return {
    unexplained: grave.filter((advisory) => !explained.some((known) => same(known, advisory))),
    outdated: explained.filter((known) => !found.some((advisory) => same(known, advisory))),
  }
}
