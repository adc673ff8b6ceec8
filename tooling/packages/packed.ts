import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unpack } from '@publint/pack'
import { publishedPackages, root, type Manifest, type PublishedPackage } from './published.mjs'

/** A package as the registry gets it. */
export interface Packed {
  readonly path: string
  /** As packed: ranges in the place of `workspace:` and `catalog:`. */
  readonly manifest: Manifest
  readonly tarball: Uint8Array
  /** By their path in the package, 'dist/index.js'. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** Packs every published package with pnpm, in one process. @throws Error where a package is not built */
export const packAll = async (): Promise<Packed[]> => {
  const packages = publishedPackages()
  const unbuilt = packages.filter(({ path }) => !existsSync(join(root, path, 'dist'))).map(({ path }) => path)
  if (unbuilt.length > 0) throw new Error(`${unbuilt.join(', ')}: not built, run "npm run build"`)
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-packed-'))
  try {
    const filters = packages.flatMap(({ manifest }) => ['--filter', manifest.name])
    await pnpm(['-r', ...filters, 'pack', '--pack-destination', folder])
    return await Promise.all(packages.map((published) => read(published, folder)))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const read = async ({ path, manifest }: PublishedPackage, folder: string): Promise<Packed> => {
  const name = `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`
  const tarball = new Uint8Array(await readFile(join(folder, name)))
  const { files, rootDir } = await unpack(tarball)
  const byPath = new Map(files.map(({ name, data }) => [name.slice(rootDir.length + 1), data]))
  return { path, manifest: JSON.parse(textOf(byPath, 'package.json')) as Manifest, tarball, files: byPath }
}

/** A file of a package as text. @throws Error where the package does not have it */
export const textOf = (files: Packed['files'], path: string): string => {
  const bytes = files.get(path)
  if (!bytes) throw new Error(`expected the file ${path} in the package, it has ${[...files.keys()].join(', ')}`)
  return new TextDecoder().decode(bytes)
}

const pnpm = (args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const program = join(root, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs')
    const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`pnpm ${args.join(' ')} ended with ${code}: ${output.slice(-2000)}`))
    })
  })
