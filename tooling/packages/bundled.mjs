// @ts-check
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'

/**
 * What is a copy of another workspace's build: that one has the source maps, which are not shipped.
 *
 * @type {Readonly<Record<string, string>>}
 */
const builtElsewhere = { page: '../web/dist' }

/** The bundler's own helper functions, which have no map; notices.mjs names them. */
const helpers = /^rolldown-runtime-/

/**
 * The code that a package ships as built: what "files" names, without its sources and the scripts that are no build.
 *
 * @param {string} folder
 * @param {{ readonly files: readonly string[] }} manifest
 */
const builtFiles = (folder, { files }) =>
  files
    .filter((name) => !name.startsWith('!') && name !== 'src' && name !== 'bin')
    .map((name) => builtElsewhere[name] ?? name)
    .filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory())
    .flatMap((name) =>
      readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, name, file)),
    )
    .filter((file) => /\.[cm]?js$/.test(file) && !helpers.test(basename(file)))

/**
 * The folder of the package that a source belongs to; undefined for one of our own.
 *
 * @param {string} source
 */
const ownerOf = (source) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/.exec(source)?.[0]

/**
 * The notices at the head of sources, each once: all that some packages say of their licence.
 *
 * @param {Iterable<string>} sources
 */
const noticesIn = (sources) => {
  const code = [...sources].filter((source) => /\.[cm]?[jt]s$/.test(source)) // not a file that a bundler only copies
  const heads = code.map((source) => /^(?:\/\/.*\n)+/.exec(readFileSync(source, 'utf8'))?.[0] ?? '')
  const notices = heads.filter((head) => /copyright/i.test(head)).map((head) => head.replace(/^\/\/ ?/gm, '').trim())
  return [...new Set(notices)].sort()
}

/**
 * The packages whose code is bundled into a package, as its source maps tell: name, version, licence and the licence's text.
 *
 * @param {string} folder
 * @param {{ readonly name: string, readonly files: readonly string[] }} manifest
 * @returns {{ name: string, version: string, licence: string, text: string, notices: string[] }[]} text is the licence's file, and the
 *   notice that goes with it; notices are those of its sources, where it has no such file
 * @throws Error for code without a map, which could be anybody's
 */
export const bundledInto = (folder, manifest) => {
  /** @type {Map<string, Set<string>>} the sources of each */
  const owners = new Map()
  for (const file of builtFiles(folder, manifest)) {
    const map = `${file}.map`
    if (!existsSync(map))
      throw new Error(
        `${manifest.name}: ${relative(folder, file)} has no source map, whose code is in it can't be told: build it with one`,
      )
    for (const source of JSON.parse(readFileSync(map, 'utf8')).sources) {
      const path = resolve(dirname(map), source)
      const owner = ownerOf(path)
      if (owner) owners.set(owner, (owners.get(owner) ?? new Set()).add(path))
    }
  }
  const found = [...owners].map(([owner, sources]) => {
    const { name, version, license } = JSON.parse(readFileSync(join(owner, 'package.json'), 'utf8'))
    const texts = readdirSync(owner).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    const text = texts.map((file) => readFileSync(join(owner, file), 'utf8').trim()).join('\n\n')
    return { name, version, licence: license, text, notices: text === '' ? noticesIn(sources) : [] }
  })
  return found.sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1))
}
