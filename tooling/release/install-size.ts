// `npm run install-size`: what each package brings into a fresh folder and how long it takes to import, from a registry on this
// machine. tooling/packages/installed.test.ts holds the sizes to budgets, without a network.
import { mkdtemp, readdir, realpath, rm, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pack } from '../packages/packed'
import { readManifest, root, type Manifest } from '../packages/published'
import { installedSize, sizeText } from './installed-size'
import { publishedPackages } from './packages'
import { configuredRegistry } from './registry'
import { startRegistry, type Registry } from './rehearsal/local-registry'
import { setUpOutside, type Team } from './rehearsal/outside'
import { endPrograms, npm } from './shell'

const usage = `npm run install-size -- [options] [packages]

  --with <list>       installed beside each: @digitlab/train with @tensorflow/tfjs-core
  --tarballs <folder> take these instead of packing: a build of another commit
  --json              print JSON`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    with: { type: 'string', default: '' },
    tarballs: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Five processes, of which the quickest says what the code costs; the others say how busy the machine is. */
const timesOfImport = 5

/** Milliseconds that an import takes in a process that has done nothing yet; none where it needs what is not installed. */
const importTime = async (team: Team, folder: string, specifier: string) => {
  const program = `const start = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - start)`
  const times = []
  for (let i = 0; i < timesOfImport; i++) {
    const command = [process.execPath, '--input-type=module', '--eval', program]
    const said = await team.execute(command, folder).catch(() => undefined)
    if (said === undefined) return undefined
    times.push(Number(said))
  }
  return Math.min(...times)
}

const specifiersOf = ({ name, exports = {} }: Manifest) =>
  Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([subpath]) => name + subpath.slice(1))

/** Everything that is measured of one package. */
const tryOne = async (team: Team, name: string, beside: readonly string[]) => {
  const folder = await team.project(name.replace('/', '-').replace('@', ''))
  const start = performance.now()
  await team.execute([...npm(), 'install', name, ...beside], folder, { seconds: 300 })
  const seconds = (performance.now() - start) / 1000
  const imports: Record<string, number | undefined> = {}
  for (const specifier of specifiersOf(readManifest(join(folder, 'node_modules', name))))
    imports[specifier] = await importTime(team, folder, specifier)
  return { name, ...(await installedSize(folder)), seconds, imports }
}

const main = async () => {
  const all = publishedPackages(root)
  const chosen = positionals.length > 0 ? positionals : all.map(({ name }) => name)
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'digitlab-install-')))
  let registry: Registry | undefined
  try {
    const store = join(folder, 'registry')
    await mkdir(store)
    const tarballs = values.tarballs === undefined ? join(folder, 'tarballs') : resolve(values.tarballs)
    // As they are now: before the first release they have no changelogs, which a release asks for.
    const published = all.map(({ folder, manifest }) => ({ path: folder, manifest }))
    if (values.tarballs === undefined) await pack(root, published, tarballs)
    registry = await startRegistry({ folder: store, uplink: await configuredRegistry(root) })
    const publisher = await setUpOutside(join(folder, 'publisher'), registry)
    for (const file of (await readdir(tarballs)).filter((name) => name.endsWith('.tgz')))
      await publisher.execute([...npm(), 'publish', join(tarballs, file), '--access', 'public'], publisher.home)
    const team = await setUpOutside(join(folder, 'team'), { url: registry.url })
    const measured = []
    for (const name of chosen) {
      const one = await tryOne(team, name, values.with === '' ? [] : values.with.split(','))
      measured.push(one)
      if (values.json) continue
      console.log(`${name.padEnd(24)} ${sizeText(one)}`)
      for (const [specifier, time] of Object.entries(one.imports))
        console.log(
          `  ${specifier.padEnd(30)} ${time === undefined ? 'needs a peer' : `${time.toFixed(1).padStart(6)} ms`}`,
        )
    }
    if (values.json) console.log(JSON.stringify(measured, null, 2))
  } finally {
    endPrograms()
    await registry?.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

if (values.help) console.log(usage)
else await main()
