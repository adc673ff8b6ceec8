// What `npm run release:rehearse` can be asked for.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { publishedPackages, withNeeded } from './packages'

/** What takes what was published, each beside the others. */
export const takerNames = ['idx', 'backend-wasm', 'cli', 'vite', 'runtimes', 'jsr', 'sizes'] as const
/** What publishes again, one after the other. */
export const publisherNames = ['snapshot', 'update'] as const
/** What can be asked for by --only; everything is published before. */
const partNames = [...takerNames, ...publisherNames].join(',')

/** What the registry refuses once, and what is updated. */
const short = '@digitlab/data'

const root = fileURLToPath(new URL('../..', import.meta.url))

export const rehearsalUsage = `npm run release:rehearse -- [options]

  --only <list>   of ${partNames}; all unless given
  --quick         without a build, of ${short} and what it depends on, and only the short half of idx and update,
                  which are all unless --only is given
  --packages <l>  publish these and what they depend on: ${short} among them, by their names, or all
  --json <file>   write there what was tried
  --publish       put the result into docs/where-it-runs.md and tooling/release/results as well`

/** @throws Error with a sentence about what cannot be */
export const rehearsalFlags = (args: string[]) => {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      packages: { type: 'string' },
      json: { type: 'string' },
      publish: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const known = partNames.split(',')
  const only = (values.only ?? (values.quick ? 'idx,update' : partNames)).split(',')
  const unknown = only.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`--only names ${unknown}: choose from ${known.join(', ')}`)
  const packages = values.packages ?? (values.quick ? short : 'all')
  const names = packages === 'all' ? undefined : packages.split(',')
  if (names && !withNeeded(publishedPackages(root), names).has(short))
    throw new Error(`--packages ${packages} leaves out ${short}, which the registry is to refuse`)
  if (values.publish && (values.quick || (values.only ?? names) !== undefined))
    throw new Error('--publish tells of everything: leave out --only, --quick and --packages')
  return { ...values, only, names }
}

/** What it is asked for. */
export type RehearsalFlags = ReturnType<typeof rehearsalFlags>
