import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { readManifest, type Manifest } from './published'

type Shipped = Pick<Manifest, 'name' | 'files'>

/** What is a copy of another workspace's build: that one has the source maps, which are not shipped. */
const builtElsewhere: Readonly<Record<string, string>> = { page: '../web/dist' }

/** The bundler's own helper functions, which have no map; notices.ts names them. */
const helpers = /^rolldown-runtime-/

/** The code that a package ships as built: what "files" names, without its sources and the scripts that are no build. */
const builtFiles = (folder: string, { files = [] }: Shipped) =>
  files
    .filter((name) => !name.startsWith('!') && name !== 'src' && name !== 'bin')
    .map((name) => builtElsewhere[name] ?? name)
    .filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory())
    .flatMap((name) =>
      readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, name, file)),
    )
    .filter((file) => /\.[cm]?js$/.test(file) && !helpers.test(basename(file)))

/** The folder of the package that a source belongs to; undefined for one of our own. */
const ownerOf = (source: string) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/.exec(source)?.[0]

/** The notices at the head of sources, each once: all that some packages say of their licence. */
const noticesIn = (sources: Iterable<string>) => {
  const code = [...sources].filter((source) => /\.[cm]?[jt]s$/.test(source)) // not a file that a bundler only copies
  const heads = code.map((source) => /^(?:\/\/.*\n)+/.exec(readFileSync(source, 'utf8'))?.[0] ?? '')
  const notices = heads.filter((head) => /copyright/i.test(head)).map((head) => head.replace(/^\/\/ ?/gm, '').trim())
  return [...new Set(notices)].sort()
}

/** A package whose code is in another. */
export interface Bundled {
  readonly name: string
  readonly version: string
  readonly licence: string
  /** The licence's file, and the notice that goes with it. */
  readonly text: string
  /** Those of its sources, where it has no such file. */
  readonly notices: readonly string[]
}

/**
 * The packages whose code is bundled into a package, as its source maps tell.
 *
 * @throws Error for code without a map, which could be anybody's
 */
export const bundledInto = (folder: string, manifest: Shipped): Bundled[] => {
  /** The sources of each. */
  const owners = new Map<string, Set<string>>()
  for (const file of builtFiles(folder, manifest)) {
    const map = `${file}.map`
    if (!existsSync(map))
      throw new Error(
        `${manifest.name}: ${relative(folder, file)} has no source map, whose code is in it can't be told: build it with one`,
      )
    const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] }
    for (const source of sources) {
      const path = resolve(dirname(map), source)
      const owner = ownerOf(path)
      if (owner) owners.set(owner, (owners.get(owner) ?? new Set()).add(path))
    }
  }
  const found = [...owners].map(([owner, sources]) => {
    const { name, version, license = 'unknown' } = readManifest(owner)
    const texts = readdirSync(owner).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    const text = texts.map((file) => readFileSync(join(owner, file), 'utf8').trim()).join('\n\n')
    return { name, version, licence: license, text, notices: text === '' ? noticesIn(sources) : [] }
  })
  return found.sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1))
}
