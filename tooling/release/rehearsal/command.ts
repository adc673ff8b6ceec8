// The command, installed globally by somebody who wants nothing else.
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { end, launch, npm, type Command, type RunOptions } from '../shell'
import { expectSame, expectThat, type World } from './parts'

const windows = process.platform === 'win32'

/** Installs digitlab under a prefix of its own, once. @returns { program, script }: the command, and the file behind it */
export const globalCommand = (world: World) =>
  (world.shared.command ??= (async () => {
    const { team, versions } = world
    const prefix = join(team.folder, 'prefix')
    await mkdir(prefix, { recursive: true })
    const wanted = `digitlab@${versions.get('digitlab')}`
    await team.execute([...npm(), 'install', '--global', '--prefix', prefix, wanted], team.home, { seconds: 300 })
    const modules = windows ? join(prefix, 'node_modules') : join(prefix, 'lib', 'node_modules')
    return {
      program: windows ? join(prefix, 'digitlab.cmd') : join(prefix, 'bin', 'digitlab'),
      script: join(modules, 'digitlab', 'bin', 'digitlab.js'),
    }
  })())

/** What an epoch on strokes reaches at least; each is some points below what it does reach. */
const leastAccuracy: Readonly<Record<string, number>> = { linear: 0.85, 'two-layer': 0.88, cnn: 0.93 }

/** What is read of that. */
interface Said {
  readonly comparison: {
    readonly notices: readonly string[]
    readonly groups: readonly {
      readonly model: string
      readonly dataset: string
      readonly backend: string
      readonly testAccuracy: { readonly mean: number }
    }[]
  }
}

/** Holds what `digitlab compare --json` printed to what it has to be. @returns backend and accuracies, in words */
export const checkComparison = (said: string, models: readonly string[]): string => {
  const { groups } = (JSON.parse(said) as Said).comparison
  expectSame(
    'the models',
    groups.map(({ model }) => model),
    models,
  )
  const told = groups.map(({ model, dataset, testAccuracy: { mean } }) => {
    expectSame('the data set', dataset, 'strokes')
    const least = leastAccuracy[model] ?? 1
    expectThat(mean > least, `${model} reached ${mean}, expected more than ${least}`)
    return `${model} ${(100 * mean).toFixed(2)} %`
  })
  return `${groups[0]?.backend}: ${told.join(', ')}`
}

/** Makes every connection of a Node program fail, whatever it is for. */
const offline = `data:text/javascript,${encodeURIComponent(
  'import net from "node:net"; net.Socket.prototype.connect = () => { throw new Error("this machine is offline") }',
)}`

/** How long the server may take until it says where it is. */
const secondsToStart = 60

/** Starts `digitlab serve`, and takes the page from it with everything that the page names. @returns how much that is */
export const takePage = async (command: Command, options: Pick<RunOptions, 'cwd' | 'env'>) => {
  const server = launch([...command, 'serve', '--port', '0', '--json'], { ...options, stderr: 'ignore' })
  const late = setTimeout(end, secondsToStart * 1000, server)
  try {
    let said = ''
    // Its stream, which is left open behind the first answer: leaving a loop over the lines of a program waits for its end.
    for await (const piece of server.stdout.iterator({ destroyOnReturn: false }))
      if ((said += String(piece)).trimEnd().endsWith('}')) break
    expectThat(said !== '', 'it ended without a word on its standard output')
    const { url } = JSON.parse(said) as { url: string }
    const take = async (address: string | URL) => {
      const response = await fetch(address, { signal: AbortSignal.timeout(30_000) })
      expectThat(response.ok, `the server answers ${response.status} when asked for ${address}`)
      return response
    }
    const page = await (await take(url)).text()
    const named = [...page.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, path = '']) => new URL(path, url))
    expectThat(named.length > 0, `the page names no files: ${page.slice(0, 200)}`)
    const sizes = await Promise.all(named.map(async (file) => (await (await take(file)).arrayBuffer()).byteLength))
    return `the page and ${named.length} files, ${Math.round(sizes.reduce((sum, size) => sum + size) / 1000)} kB`
  } finally {
    clearTimeout(late)
    end(server)
  }
}

export const tryCommand = async (world: World): Promise<void> => {
  const { attempt, team, versions, quick } = world
  const installed = await attempt('digitlab', 'npm install --global', async () => void (await globalCommand(world)))
  if (!installed) return
  const { program, script } = await globalCommand(world)
  const folder = await team.project('command')
  const digitlab = (args: Command, env: NodeJS.ProcessEnv = {}) =>
    team.execute([program, ...args], folder, { seconds: 240, env })
  if (!quick)
    // which packs what was built before the version was written
    await attempt('digitlab', '--version', async () =>
      expectSame('the version', (await digitlab(['--version'])).trim(), versions.get('digitlab')),
    )
  await attempt('digitlab', 'compare --dataset strokes --epochs 1', async () => {
    const args = ['compare', '--dataset', 'strokes', '--epochs', '1', '--out', 'compared', '--json']
    const told = checkComparison(await digitlab(args), ['linear', 'two-layer', 'cnn'])
    await access(join(folder, 'compared', 'report.html'))
    return told
  })
  await attempt('digitlab', 'compare, offline', async () => {
    const args = ['compare', '--models', 'linear', '--epochs', '1', '--out', 'offline', '--json']
    const said = await digitlab(args, { NODE_OPTIONS: `--import=${offline}` })
    const [notice = ''] = (JSON.parse(said) as Said).comparison.notices
    expectThat(notice.includes('strokes'), `it was not said that strokes take MNIST's place: ${notice}`)
    return checkComparison(said, ['linear'])
  })
  await attempt('digitlab', 'serve', () => takePage([process.execPath, script], { cwd: folder, env: team.env }))
}
