// @ts-check

/**
 * An advisory ("GHSA-...") that is known, and why it does no harm here.
 *
 * @typedef {{ readonly advisory: string, readonly package: string, readonly reason: string }} Explained
 */

/**
 * What pnpm says of one advisory.
 *
 * @typedef {object} Found
 * @property {string} [github_advisory_id]
 * @property {number} [id]
 * @property {string} module_name
 * @property {string} severity
 * @property {string} title
 * @property {readonly { readonly paths?: readonly string[] }[]} [findings] how the package comes in: "packages__report>linkedom>..."
 */

/**
 * What an audit's report asks for.
 *
 * @param {{ readonly advisories?: Readonly<Record<string, Found>> }} report pnpm's, from "pnpm audit --json"
 * @param {readonly Explained[]} explained
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
  /** @type {(one: { advisory: string, package: string }, other: { advisory: string, package: string }) => boolean} */
  const same = (one, other) => one.advisory === other.advisory && one.package === other.package
  const grave = found.filter(({ severity }) => severity === 'high' || severity === 'critical')
  return {
    unexplained: grave.filter((advisory) => !explained.some((known) => same(known, advisory))),
    outdated: explained.filter((known) => !found.some((advisory) => same(known, advisory))),
  }
}
