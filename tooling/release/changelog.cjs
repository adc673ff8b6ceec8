// @ts-check
// How a changeset stands in a changelog, and in one line what a package only follows. CommonJS, because changesets requires it.

/**
 * A change: its sentence, with what belongs to it below.
 *
 * @type {import('@changesets/types').GetReleaseLine}
 */
exports.getReleaseLine = async ({ summary }) => `- ${summary.trim().replaceAll('\n', '\n  ')}`

/**
 * What a package depends on and what has a new version with this release.
 *
 * @type {import('@changesets/types').GetDependencyReleaseLine}
 */
exports.getDependencyReleaseLine = async (_changesets, dependencies) =>
  dependencies.length === 0
    ? ''
    : `- Newer dependencies: ${dependencies.map(({ name, newVersion }) => `${name} ${newVersion}`).join(', ')}`
