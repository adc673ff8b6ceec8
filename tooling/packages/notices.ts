// What of other people's work is in the published packages: THIRD-PARTY-NOTICES.md of the repository, and of each package
// that has some. The source maps of the build tell. `npm run notices` writes them; `--check` compares.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bundledInto, type Bundled } from './bundled'
import { formatted } from './marked-part'
import { publishedPackages, root } from './published'

const name = 'THIRD-PARTY-NOTICES.md'

/** Of what is made by a compiler and not by a bundler: how, and what of the compiler's own is in it. */
const compiled: Readonly<Record<string, string>> = {
  digitlab:
    "The page's bundler, Rolldown (MIT), adds a few helper functions of its own. `fonts` holds two files of Inter under the SIL Open Font License, whose text lies beside them.",
  '@digitlab/backend-wasm':
    'The WebAssembly modules are compiled from `assembly/` by AssemblyScript (Apache-2.0); no function of its library is in them.',
  '@digitlab/backend-cuda':
    'The PTX is compiled from `cuda/` by clang, with the names of threads and blocks from a header of LLVM (Apache-2.0 with the LLVM exception, which asks for no notice in what is compiled); nothing of the CUDA toolkit is in it.',
}

/** What the notices of a source refer to, and a package does not bring: TypeScript has the whole text, without a notice of its own. */
const apache = readFileSync(join(root, 'node_modules', 'typescript', 'LICENSE.txt'), 'utf8').trim()

const terms = ({ name, version, licence, text, notices }: Bundled, bundled: readonly Bundled[]) => {
  if (text !== '') return `~~~text\n${text}\n~~~\n`
  const [other] = bundled
    .filter((one) => one.licence === licence && one.text !== '')
    .sort((a, b) => b.text.length - a.text.length)
  if (other) return `It brings no text of it: see ${other.name}.\n`
  if (notices.length === 0)
    throw new Error(`${name} ${version} brings no text of its licence, ${licence}: add one here`)
  const texts = licence.includes('Apache-2.0') ? [...notices, apache] : notices
  return `It brings no text of it; its sources say:\n\n~~~text\n${texts.join('\n\n')}\n~~~\n`
}

/** A package that brings no text of its licence has that of another package under the same, or what its sources say. */
const section = (one: Bundled, _: number, bundled: readonly Bundled[]) => {
  const { name, version, licence } = one
  return `## ${name} ${version}\n\nLicence: ${licence}\n\n${terms(one, bundled)}`
}

const found = publishedPackages()
  .filter(({ path }) => existsSync(join(root, path, 'dist')))
  .map((published) => ({ ...published, bundled: bundledInto(join(root, published.path), published.manifest) }))
const unbuilt = publishedPackages().length - found.length
if (unbuilt > 0) {
  console.error(`${unbuilt} packages are not built: run "npm run build" first`)
  process.exit(1)
}

const rows = found.map(({ path, manifest, bundled }) => {
  const code = bundled.length === 0 ? 'nothing' : `[${bundled.length} packages](${path}/${name})`
  return `| \`${manifest.name}\` | ${[code, compiled[manifest.name]].filter(Boolean).join('. ')} |`
})
const wanted = new Map([
  [
    name,
    `# Third-party notices

What of other people's work is in digitlab's packages. Written by \`npm run notices\` from the source maps of the build.

| package | what of others is in it |
| --- | --- |
${rows.join('\n')}

Packages that are installed beside them (tfjs, resvg, koffi and others) come from the
registry, each with its own licence; the bill of materials of a release lists them all (\`npm run sbom\`).
`,
  ],
])
for (const { path, manifest, bundled } of found)
  if (bundled.length > 0)
    wanted.set(
      `${path}/${name}`,
      `# Third-party notices\n\nPackages whose code is in \`${manifest.name}\`.\n\n${bundled.map(section).join('\n')}`,
    )

const there = [name, ...found.map(({ path }) => `${path}/${name}`)].filter((file) => existsSync(join(root, file)))
const wrong: string[] = []
for (const file of new Set([...there, ...wanted.keys()])) {
  const path = join(root, file)
  const text = wanted.get(file)
  const now = text && (await formatted(text, 'md'))
  if (now === (existsSync(path) ? readFileSync(path, 'utf8') : undefined)) continue
  wrong.push(relative(root, path))
  if (process.argv.includes('--check')) continue
  if (now === undefined) rmSync(path)
  else writeFileSync(path, now)
}
if (wrong.length === 0) console.log('nothing changed')
else if (!process.argv.includes('--check')) console.log(`written: ${wrong.join(', ')}`)
else {
  console.log(`what is bundled differs from ${wrong.join(', ')}: run "npm run notices"`)
  process.exitCode = 1
}
