// The packages in other versions of Node, and in Bun and Deno: each comes from npm's registry as a package with the binary.
import { join } from 'node:path'
import { npm } from '../shell'
import type { Command } from '../shell'
import { beside, expectSame, Skipped, type World } from './parts'
import { checkComparison, globalCommand } from './command'
import { checkConvolution, convolutionProject } from './convolution'
import { expectedArray, program, writeArray } from './idx'

const { platform, arch } = process
const exe = platform === 'win32' ? '.exe' : ''
const nodePackage = `node-${platform === 'win32' ? 'win' : platform}-${arch}`
const denoPackage = `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`

/** What is tried. The packages promise to run on the versions of Node; Bun and Deno are looked at. */
export interface Runtime {
  readonly title: string
  readonly package: string
  readonly version: string
  /** Where it lies in the package. */
  readonly binary: readonly string[]
  readonly flags?: readonly string[]
  readonly required?: boolean
}

export const deno: Runtime = {
  title: 'Deno 2.9',
  package: denoPackage,
  version: '2.9.6',
  binary: [`deno${exe}`],
  flags: ['run', '--allow-all', '--node-modules-dir=manual'],
}

const runtimes: readonly Runtime[] = [
  ...['20.19.0', '22.23.3', '24.21.0'].map((version) => ({
    title: `Node ${version.split('.')[0]}`,
    package: nodePackage,
    version,
    binary: ['bin', `node${exe}`],
    required: true,
  })),
  {
    title: 'Bun 1.4',
    package: `@oven/bun-${platform === 'win32' ? 'windows' : platform}-${arch === 'arm64' ? 'aarch64' : arch}`,
    version: '1.4.5',
    binary: ['bin', `bun${exe}`],
  },
  deno,
]

const models = ['linear', 'two-layer']

/** Installs a runtime, once. @returns it as a command */
export const installRuntime = (
  { team, shared }: Pick<World, 'team' | 'shared'>,
  runtime: Runtime,
): Promise<Command> => {
  const { package: name, version, binary, flags = [], title } = runtime
  const there = shared.runtimes.get(title)
  if (there) return there
  const install = async () => {
    const folder = await team.project(`runtime-${title.toLowerCase().replace(' ', '-')}`, {
      dependencies: { [name]: version },
    })
    await team.execute([...npm(), 'install', '--ignore-scripts', '--no-package-lock'], folder).catch((error: Error) => {
      throw new Skipped(`no ${name} ${version} for this machine: ${error.message.split('\n').at(-1)}`)
    })
    return [join(folder, 'node_modules', ...name.split('/'), ...binary), ...flags]
  }
  const installing = install()
  shared.runtimes.set(title, installing)
  return installing
}

/** Installs all that are tried. */
export const installRuntimes = (world: Pick<World, 'team' | 'shared'>): Promise<Command>[] =>
  runtimes.map((runtime) => installRuntime(world, runtime))

export const tryRuntimes = async (world: World): Promise<void> => {
  const { attempt, team, versions } = world
  const reader = await team.project(
    'runtimes-idx',
    { type: 'module', dependencies: { '@digitlab/idx': `^${versions.get('@digitlab/idx')}` } },
    { 'read.mjs': await program('idx.mjs'), 'read.cjs': await program('idx.cjs') },
  )
  const array = await writeArray(reader)
  const ready = await attempt('runtimes', 'what is run in them, installed by npm', async () => {
    await team.execute([...npm(), 'install'], reader)
    await convolutionProject(world)
    await globalCommand(world)
  })
  if (!ready) return
  await beside(
    world,
    runtimes.map((runtime) => (world) => tryRuntime(world, runtime, reader, array)),
  )
}

const tryRuntime = async (world: World, runtime: Runtime, reader: string, array: string) => {
  const { attempt, team } = world
  const { title, required = false } = runtime
  const { script } = await globalCommand(world)
  let command: Command = []
  const there = await attempt(
    title,
    `version ${runtime.version}`,
    async () => {
      command = await installRuntime(world, runtime)
      await team.execute([...command.slice(0, 1), '--version'], reader)
    },
    { required },
  )
  if (!there) return
  const tryIn = (what: string, work: () => Promise<string | void>) => attempt(title, what, work, { required })
  for (const [what, file] of [
    ['idx, ESM', 'read.mjs'],
    ['idx, CommonJS', 'read.cjs'],
  ] as const)
    await tryIn(what, async () =>
      expectSame('the array', JSON.parse(await team.execute([...command, file, array], reader)), expectedArray),
    )
  await tryIn('trains a convolution on tfjs', async () => {
    const folder = await convolutionProject(world)
    return checkConvolution(await team.execute([...command, 'train.mjs'], folder))
  })
  await tryIn('digitlab compare', async () => {
    const out = join(team.folder, `compared-${title.toLowerCase().replace(' ', '-')}`)
    const what = ['--models', models.join(','), '--dataset', 'strokes', '--epochs', '1']
    const args = [script, 'compare', ...what, '--out', out, '--json']
    return checkComparison(await team.execute([...command, ...args], team.home, { seconds: 120 }), models)
  })
}
