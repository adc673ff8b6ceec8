// The one way to pack: what a package is tested as, weighed as, and published as.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { unpack } from '@publint/pack'
import { execa } from 'execa'
import { publishedPackages, root, type Manifest, type PublishedPackage } from './published'

/** A package as the registry gets it. */
export interface Packed {
  readonly path: string
  /** As packed: ranges in the place of `workspace:` and `catalog:`. */
  readonly manifest: Manifest
  /** Where the tarball lies, as long as its folder is there. */
  readonly file: string
  readonly tarball: Uint8Array
  /** By their path in the package, 'dist/index.js'. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/**
 * Packs packages of a workspace with pnpm, in one process, into a folder.
 *
 * @returns them in the same order; without those that pnpm left out
 */
export const pack = async (
  workspace: string,
  packages: readonly PublishedPackage[],
  folder: string,
): Promise<Packed[]> => {
  if (packages.length === 0) return []
  const program = join(workspace, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs')
  const filters = packages.flatMap(({ manifest }) => ['--filter', manifest.name])
  const args = [program, ...filters, 'pack', '--json', '--pack-destination', folder]
  const { stdout } = await execa(process.execPath, args, { cwd: workspace, stdin: 'ignore' })
  // One alone comes without a list around it.
  const made = [JSON.parse(stdout) as { name: string; filename: string }].flat()
  const all = await Promise.all(
    packages.map(async ({ path, manifest }) => {
      const one = made.find(({ name }) => name === manifest.name)
      return one ? [await read(path, join(folder, basename(one.filename)))] : []
    }),
  )
  return all.flat()
}

/** Packs every published package of this workspace. @throws Error where a package is not built */
export const packAll = async (): Promise<Packed[]> => {
  const packages = publishedPackages()
  const unbuilt = packages.filter(({ path }) => !existsSync(join(root, path, 'dist'))).map(({ path }) => path)
  if (unbuilt.length > 0) throw new Error(`${unbuilt.join(', ')}: not built, run "npm run build"`)
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-packed-'))
  try {
    return await pack(root, packages, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const read = async (path: string, file: string): Promise<Packed> => {
  const tarball = new Uint8Array(await readFile(file))
  const { files, rootDir } = await unpack(tarball)
  const byPath = new Map(files.map(({ name, data }) => [name.slice(rootDir.length + 1), data]))
  return { path, manifest: JSON.parse(textOf(byPath, 'package.json')) as Manifest, file, tarball, files: byPath }
}

/** A file of a package as text. @throws Error where the package does not have it */
export const textOf = (files: Packed['files'], path: string): string => {
  const bytes = files.get(path)
  if (!bytes) throw new Error(`expected the file ${path} in the package, it has ${[...files.keys()].join(', ')}`)
  return new TextDecoder().decode(bytes)
}
