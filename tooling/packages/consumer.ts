// A folder outside the workspace, as of a team that has installed the packages: each as the registry would give it, and the
// packages that they need.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packAll } from './packed-once'
import { root } from './published'

/** What a user adds for himself; a README says so. */
const added = ['@tensorflow/tfjs', '@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu']

export interface Consumer {
  readonly folder: string
  readonly remove: () => Promise<void>
}

/** @throws Error where a package is not built, or needs one that it does not name */
export const makeConsumer = async (): Promise<Consumer> => {
  const packed = await packAll()
  const own = new Set(packed.map(({ manifest }) => manifest.name))
  // Without links in its path: what Node resolves has none either.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'digitlab-consumer-')))
  const modules = join(folder, 'node_modules')
  const link = async (name: string, from: string) => {
    const place = join(modules, name)
    if (own.has(name) || existsSync(place)) return
    await mkdir(dirname(place), { recursive: true })
    await symlink(await realpath(join(root, from, 'node_modules', name)), place, 'junction')
  }
  for (const { path, manifest, files } of packed) {
    // To wait for each of a thousand files costs more than to write it.
    const places = [...files].map(([file, bytes]) => [join(modules, manifest.name, file), bytes] as const)
    for (const inside of new Set(places.map(([place]) => dirname(place)))) mkdirSync(inside, { recursive: true })
    for (const [place, bytes] of places) writeFileSync(place, bytes)
    const optional = (name: string) => manifest.peerDependenciesMeta?.[name]?.optional === true
    const peers = Object.keys(manifest.peerDependencies ?? {}).filter((name) => !optional(name))
    for (const name of [...Object.keys(manifest.dependencies ?? {}), ...peers]) await link(name, path)
  }
  for (const name of added) await link(name, 'tooling/packages')
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
