// The one way to pack: what a package is tested as, weighed as, and published as.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpack } from '@publint/pack'
import { execa } from 'execa'
import type { Manifest, PublishedPackage } from './published'

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
  const args = [program, ...filters, 'pack', '--pack-destination', folder]
  await execa(process.execPath, args, { cwd: workspace, stdin: 'ignore' })
  return readPacked(packages, folder)
}

/** The tarballs of packages in a folder, in their order; without those that are not there. */
export const readPacked = async (packages: readonly PublishedPackage[], folder: string): Promise<Packed[]> => {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  const found = await Promise.all(files.map((name) => read(join(folder, name))))
  return packages.flatMap(({ path, manifest }) => {
    const one = found.find((packed) => packed.manifest.name === manifest.name)
    return one ? [{ ...one, path }] : []
  })
}

const read = async (file: string): Promise<Omit<Packed, 'path'>> => {
  const tarball = new Uint8Array(await readFile(file))
  const { files, rootDir } = await unpack(tarball)
  const byPath = new Map(files.map(({ name, data }) => [name.slice(rootDir.length + 1), data]))
  return { manifest: JSON.parse(textOf(byPath, 'package.json')) as Manifest, file, tarball, files: byPath }
}

/** A file of a package as text. @throws Error where the package does not have it */
export const textOf = (files: Packed['files'], path: string): string => {
  const bytes = files.get(path)
  if (!bytes) throw new Error(`expected the file ${path} in the package, it has ${[...files.keys()].join(', ')}`)
  return new TextDecoder().decode(bytes)
}
