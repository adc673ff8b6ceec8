// What a release says of itself, out of the changelogs.

/** The part of a changelog that belongs to a version. */
const sectionOf = (changelog, version) => {
  const [, ...sections] = changelog.split(/^## /m)
  const found = sections.find((section) => section.split('\n', 1)[0].trim() === version)
  return found?.slice(found.indexOf('\n') + 1).trim() ?? ''
}

/** A section without what the package only follows (tooling/release/changelog.cjs writes that line), and without headings. */
const changesIn = (section) =>
  section
    .replace(/^- Newer dependencies: .*$/gm, '')
    .replace(/^### .*$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()

/** What a package's changelog says of a version, '' where it only follows what it depends on. */
export const changesOf = ({ changelog, version }) => changesIn(sectionOf(changelog, version))

/**
 * The notes of a release.
 *
 * @param published [{ name, version, changelog }], each after what it depends on
 * @returns { tag, notes }: the tag that stands for the release (the command's, else the last's), and Markdown
 */
export const notesOf = (published) => {
  const [last] = published.slice(-1)
  const { name, version } = published.find(({ name }) => name === 'digitlab') ?? last
  const told = published.map((one) => ({ ...one, text: changesOf(one) }))
  const changed = told.filter(({ text }) => text !== '')
  const moved = told.filter(({ text }) => text === '')
  const parts = changed.map(({ name, version, text }) => `## ${name} ${version}\n\n${text}`)
  if (moved.length > 0)
    parts.push(`With newer dependencies: ${moved.map(({ name, version }) => `${name} ${version}`).join(', ')}.`)
  return { tag: `${name}@${version}`, notes: `${parts.join('\n\n')}\n` }
}
