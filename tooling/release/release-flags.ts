// What `npm run release` can be asked for.
import { parseArgs } from 'node:util'

export const releaseUsage = `npm run release -- [options]
npm run release:snapshot -- [options]

  --dry-run          build, pack and show what would be published, with its size and what its changelog says of
                     it; nothing stays changed, nothing is sent
  --snapshot [tag]   publish what is pending as a pre-release, under the tag canary unless given; nothing is committed
  --versions-only    stop after the versions and changelogs are written, without a commit
  --push             push the commit and the tags when all is published
  --notes <folder>   write there what was published: notes.md, and tag, with the name of the release's tag
  --registry <url>   the registry that npm is configured for unless given
  --no-test          leave out "npm test", where it has passed on this commit
  --no-build         take dist as it is`

/** @throws Error with a sentence about what cannot be */
export const releaseFlags = (args: string[]) => {
  const flag = { type: 'boolean', default: false } as const
  const { values, positionals } = parseArgs({
    args,
    options: {
      'dry-run': flag,
      snapshot: flag,
      'versions-only': flag,
      push: flag,
      notes: { type: 'string' },
      registry: { type: 'string' },
      test: { type: 'boolean', default: true },
      build: { type: 'boolean', default: true },
      help: flag,
    },
    allowNegative: true,
    allowPositionals: true,
  })
  if (positionals.length > (values.snapshot ? 1 : 0)) throw new Error(`Unexpected argument '${positionals.at(-1)}'`)
  const tag = positionals[0] ?? 'canary'
  if (!/^[a-z][a-z-]*$/.test(tag) || tag === 'latest')
    throw new Error(`a snapshot's tag is a word in small letters other than latest, not ${tag}`)
  const { 'dry-run': dry, 'versions-only': versionsOnly, ...others } = values
  return { ...others, dry, versionsOnly, tag: values.snapshot ? tag : 'latest' }
}

/** What it is asked for. */
export type ReleaseFlags = ReturnType<typeof releaseFlags>
