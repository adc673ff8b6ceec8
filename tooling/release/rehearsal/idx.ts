// @digitlab/idx by itself, as teams with other module systems, resolutions and package managers take it.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Command } from '../shell'
import { beside, expectSame, type World } from './parts'

/** The source of a program that another team has. */
export const program = (name: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`programs/${name}`, import.meta.url)), 'utf8')

/** What is in the file that is read: six unsigned bytes, [2, 3]. Written by hand, not by the package that reads it. */
export const expectedArray = { type: 'uint8', shape: [2, 3], data: [0, 1, 127, 128, 254, 255] }

/** That file, compressed. */
export const writeArray = async (folder: string): Promise<string> => {
  const path = join(folder, 'array.idx.gz')
  await writeFile(path, gzipSync(Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, ...expectedArray.data)))
  return path
}

const typescript = '5.9.3'
const resolutions = [
  { name: 'node16', module: 'node16' },
  { name: 'bundler', module: 'es2022' },
]

const compilerOptions = ({ name, module }: (typeof resolutions)[number]) => ({
  ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
  ...{ target: 'es2022', lib: ['es2022', 'dom'], types: [], module, moduleResolution: name, outDir: `out-${name}` },
})

/** How each package manager installs, and how it starts Node and the compiler: Yarn 4 keeps no node_modules. */
const managers: Readonly<Record<string, { install: string[]; node: string[]; tsc: string[] }>> = {
  npm: { install: ['install'], node: [], tsc: ['exec', '--', 'tsc'] },
  'pnpm 10': { install: ['install'], node: [], tsc: ['exec', 'tsc'] },
  'Yarn 1': { install: ['install', '--non-interactive'], node: [], tsc: ['--silent', 'tsc'] },
  'Yarn 4 (PnP)': { install: ['install', '--no-immutable'], node: ['node'], tsc: ['tsc'] },
}

/** A team's project that depends on @digitlab/idx alone. @returns its folder */
const projectFor = async ({ team, versions, quick }: World, manager: string) =>
  team.project(
    `idx-${manager.toLowerCase().replace(/\W+/g, '-')}`,
    {
      type: 'module',
      dependencies: { '@digitlab/idx': `^${versions.get('@digitlab/idx')}` },
      ...(quick ? {} : { devDependencies: { typescript } }),
    },
    {
      'read.mjs': await program('idx.mjs'),
      'read.cjs': await program('idx.cjs'),
      'read.ts': await program('idx.ts'),
      ...(manager.startsWith('Yarn') ? { 'yarn.lock': '' } : {}), // Yarn takes such a folder for a project of its own
      ...Object.fromEntries(
        resolutions.map((one) => [
          `tsconfig.${one.name}.json`,
          JSON.stringify({ compilerOptions: compilerOptions(one), files: ['read.ts'] }),
        ]),
      ),
    },
  )

/** Every package manager, module system and resolution; npm and the module systems alone where it shall be quick. */
export const tryIdx = (world: World): Promise<void> =>
  beside(
    world,
    Object.keys(managers)
      .slice(0, world.quick ? 1 : undefined)
      .map((manager) => (world) => tryManager(world, manager)),
  )

const tryManager = async (world: World, manager: string) => {
  const { attempt, team, quick } = world
  const { install, node, tsc } = managers[manager]! // asked for by its key
  const folder = await projectFor(world, manager)
  const array = await writeArray(folder)
  const execute = async (...args: Command) => team.execute([...(await team.manager(manager)), ...args], folder)
  const start = (...args: Command) =>
    node.length === 0 ? team.execute([process.execPath, ...args], folder) : execute(...node, ...args)
  const part = `idx, ${manager}`
  if (!(await attempt(part, 'installed', async () => void (await execute(...install))))) return
  for (const [title, file] of [
    ['ESM', 'read.mjs'],
    ['CommonJS', 'read.cjs'],
  ] as const)
    await attempt(part, title, async () => expectSame('the array', JSON.parse(await start(file, array)), expectedArray))
  for (const { name } of quick ? [] : resolutions)
    await attempt(part, `TypeScript, ${name}`, async () => {
      await execute(...tsc, '-p', `tsconfig.${name}.json`)
      const said = JSON.parse(await start(join(`out-${name}`, 'read.js'))) as unknown
      expectSame('what it says', said, { shape: [2, 2], sum: -2, told: true })
    })
}
