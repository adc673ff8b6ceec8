// The API documentation of all packages as one static site, from the docstrings: `npm run docs` writes it to docs/api,
// `--check` only looks whether something is missing or leads nowhere. One warning is a failure.
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import {
  Application,
  Converter,
  MinimalSourceFile,
  normalizePath,
  ReflectionKind,
  type ProjectReflection,
} from 'typedoc'
import { withoutPart } from './marked-part'
import { entriesOf, publishedPackages, root } from './published'

const packages = publishedPackages()
const entries = packages.flatMap((published) =>
  entriesOf(published).map((entry) => ({ ...entry, path: published.path })),
)

const repository = 'https://github.com/digitlab/digitlab'
const ownLink = new RegExp(`^${repository}/(?:blob|tree)/main/(.+)$`)

const app = await Application.bootstrap({
  name: 'digitlab',
  entryPoints: entries.map(({ source }) => source),
  tsconfig: join(root, 'tooling/packages/tsconfig.docs.json'),
  basePath: root,
  readme: 'none', // set below
  out: join(root, 'docs/api'),
  cleanOutputDir: true,
  skipErrorChecking: true, // tsc's own work, in "npm test"
  customCss: join(root, 'tooling/packages/docs.css'),
  navigation: { includeFolders: false },
  disableGit: true, // the same from a clone and from an archive
  gitRevision: 'main',
  sourceLinkTemplate: `${repository}/blob/{gitRevision}/{path}#L{line}`,
  navigationLinks: { 'Source code': repository },
  externalSymbolLinkMappings: {
    '@tensorflow/tfjs-core': { '*': 'https://js.tensorflow.org/api/4.22.0/' },
  },
  excludePrivate: true,
  excludeExternals: true,
  hideGenerator: true,
  highlightLanguages: ['js', 'ts', 'sh', 'json', 'html', 'console', 'mermaid'],
  validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true },
  // The names themselves; what a property is, its name and its interface say, or a line of its own.
  requiredToBeDocumented: ['Variable', 'Function', 'Class', 'Interface', 'TypeAlias', 'Method', 'Accessor'],
  packagesRequiringDocumentation: packages.map(({ manifest }) => manifest.name),
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
})

/**
 * A README as a page of the site: links to a package lead to its page here, links to other files to the repository;
 * TypeDoc brings its pictures along.
 */
const pageOf = (path: string, project: ProjectReflection) => {
  const folder = dirname(path)
  const text = withoutPart(readFileSync(join(root, path), 'utf8'), 'badges').replace(/^# .*\n/, '')
  const linked = text.replace(/\[([^\]]+)\]\((?!#)([^)]+)\)/g, (all, label: string, target: string) => {
    const [, own] = ownLink.exec(target) ?? []
    if (own === undefined && /^[a-z]+:/.test(target)) return all
    const place = own ?? posix.join(folder, target)
    const linkedPackage = packages.find((published) => published.path === place && entriesOf(published).length > 0)
    if (linkedPackage) return `{@link "${linkedPackage.manifest.name}" | ${label}}`
    return `[${label}](${repository}/blob/main/${place})`
  })
  // A README in the npm registry names its pictures in the repository.
  const pictured = linked.replaceAll(new RegExp(`"${repository}/raw/main/([^"]+)"`, 'g'), (_, target: string) =>
    JSON.stringify(posix.relative(folder, target)),
  )
  return app.converter.parseRawComment(new MinimalSourceFile(pictured, normalizePath(join(root, path))), project.files)
    .content
}

// Modules have the names under which they are imported, and a package's first page is its README.
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
    const file = module.sources?.[0]?.fullFileName
    const entry = entries.find(({ source }) => source.replaceAll('\\', '/') === file)
    if (!entry) throw new Error(`expected one of the packages' entries, found ${file}`)
    module.name = entry.specifier
    if (entry.name === 'index') module.readme = pageOf(`${entry.path}/README.md`, project)
  }
  project.readme = pageOf('README.md', project)
})

const project = await app.convert()
if (project) {
  app.validate(project)
  if (!process.argv.includes('--check') && !app.logger.hasErrors() && !app.logger.hasWarnings()) {
    await app.generateOutputs(project)
    console.log('written: docs/api/index.html')
  }
}
if (!project || app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
