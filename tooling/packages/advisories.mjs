/**
 * What an audit's report asks for.
 *
 * @param report pnpm's, from "pnpm audit --json"
 * @param explained advisories that are known and do no harm here: { advisory, package, reason }
 * @returns what is high or critical and not explained, and explanations of what is no longer found
 */
export const judge = (report, explained) => {
  const found = Object.values(report.advisories ?? {}).map((advisory) => ({
    advisory: advisory.github_advisory_id ?? String(advisory.id),
    package: advisory.module_name,
    severity: advisory.severity,
    title: advisory.title,
    path: advisory.findings?.[0]?.paths?.[0] ?? advisory.module_name,
  }))
  const same = (one, other) => one.advisory === other.advisory && one.package === other.package
  const grave = found.filter(({ severity }) => severity === 'high' || severity === 'critical')
  return {
    unexplained: grave.filter((advisory) => !explained.some((known) => same(known, advisory))),
    outdated: explained.filter((known) => !found.some((advisory) => same(known, advisory))),
  }
}
