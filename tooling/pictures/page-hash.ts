import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { root } from './drawn'

/** A component without its script: what is seen is in its markup and its style. */
const seen = (source: string): string => source.replaceAll('\r\n', '\n').replace(/<script[^]*?<\/script>/g, '')

/** What the recording shows: the components of the page, their colours, and the script that plays. */
export const pageHash = async (): Promise<string> => {
  const web = join(root, 'apps', 'web', 'src')
  const sources = (await readdir(web, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(svelte|css)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
  const hash = createHash('sha256')
  for (const path of [...sources.toSorted(), join(root, 'tooling', 'pictures', 'recording.ts')])
    hash.update(relative(root, path).replaceAll('\\', '/')).update(seen(await readFile(path, 'utf8')))
  return hash.digest('hex')
}
