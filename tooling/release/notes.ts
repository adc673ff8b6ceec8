// What a release says of itself, out of the changelogs.

/** A package with the whole text of its changelog. */
export interface Told {
  readonly name: string
  readonly version: string
  readonly changelog: string
}

/** The part of a changelog that belongs to a version. */
const sectionOf = (changelog: string, version: string) => {
  const [, ...sections] = changelog.split(/^## /m)
  const found = sections.find((section) => section.split('\n', 1)[0]?.trim() === version)
  return found?.slice(found.indexOf('\n') + 1).trim() ?? ''
}

/** A section without what the package only follows (tooling/release/changelog.cjs writes that line), and without headings. */
const changesIn = (section: string) =>
  section
    .replace(/^- Newer dependencies: .*$/gm, '')
    .replace(/^### .*$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()

/** What a package's changelog says of a version, '' where it only follows what it depends on. */
export const changesOf = ({ changelog, version }: Omit<Told, 'name'>): string =>
  changesIn(sectionOf(changelog, version))

/**
 * The notes of a release.
 *
 * @param published what was published, each after what it depends on
 * @returns the tag that stands for the release (the command's, else the last's), and Markdown
 * @throws Error where nothing was published
 */
export const notesOf = (published: readonly Told[]): { readonly tag: string; readonly notes: string } => {
  const main = published.find(({ name }) => name === 'digitlab') ?? published.at(-1)
  if (main === undefined) throw new Error('a release without packages has no notes')
  const told = published.map((one) => ({ ...one, text: changesOf(one) }))
  const changed = told.filter(({ text }) => text !== '')
  const moved = told.filter(({ text }) => text === '')
  const parts = changed.map(({ name, version, text }) => `## ${name} ${version}\n\n${text}`)
  if (moved.length > 0)
    parts.push(`With newer dependencies: ${moved.map(({ name, version }) => `${name} ${version}`).join(', ')}.`)
  return { tag: `${main.name}@${main.version}`, notes: `${parts.join('\n\n')}\n` }
}
