// The site's pages: the repository's Markdown with links and pictures that lead where they should there.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { withoutPart } from '../packages/marked-part'
import { root } from '../packages/published'
import { dependencyTable } from './dependency-table'
import { linkedFile, linkOnSite, pages } from './pages'

/** Changes text, but not code: neither fenced blocks nor code within a line, unless it is a link's label. */
const outsideCode = (markdown: string, change: (text: string) => string): string =>
  markdown
    .split(/(^```[\s\S]*?^```$|`[^`\n]+`(?!\]))/m)
    .map((part, i) => (i % 2 === 0 ? change(part) : part))
    .join('')

/** What a command of a shell block does stands behind it in the files; here above it, where a narrow page shows it. */
const commentsAbove = (block: string): string => block.replace(/^(?!#)(.*\S)[ \t]+# (.*)$/gm, '# $2\n$1')

/** A page made of a file of the repository, and the pictures that it shows. */
export const pageOf = (file: string, markdown: string): { text: string; pictures: string[] } => {
  const pictures: string[] = []
  const here = posix.dirname(pages.get(file) ?? '')
  const picture = (target: string): string => {
    const linked = linkedFile(file, target.replace(/\/raw\/main\//, '/blob/main/'))
    if (!linked) return target
    pictures.push(linked.path)
    const relative = posix.relative(here, `pictures/${linked.path}`)
    return relative.startsWith('.') ? relative : `./${relative}`
  }
  // Badges are pictures that another host draws: for GitHub and npm alone.
  const withCells = withoutPart(markdown, 'badges').replace(
    /^```js live\n[\s\S]*?^```$/gm,
    (block) => `<LiveCell>\n\n${block}\n\n</LiveCell>`,
  )
  const drawn = withCells
    .replace(/^```mermaid\n([\s\S]*?)^```$/gm, (_, source: string) => dependencyTable(source))
    .replace(/^```sh\b[\s\S]*?^```$/gm, commentsAbove)
  const text = outsideCode(drawn, (part) =>
    part
      .replace(/\]\(([^)\s]+)\)/g, (_, target: string) => `](${linkOnSite(file, target)})`)
      .replace(/ (src|srcset)="([^"]+)"/g, (_, name: string, target: string) => ` ${name}="${picture(target)}"`),
  )
  return { text, pictures }
}

/** Writes every page, and what it shows, into a folder. */
export const assemble = (folder: string): void => {
  rmSync(folder, { recursive: true, force: true })
  for (const [file, page] of pages) {
    const { text, pictures } = pageOf(file, readFileSync(join(root, file), 'utf8'))
    const place = join(folder, page)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, text)
    for (const picture of pictures) cpSync(join(root, picture), join(folder, 'pictures', picture))
  }
  cpSync(join(root, 'apps/web/public/favicon.svg'), join(folder, 'public/favicon.svg'))
}
