// A page of another team's, built by Vite and, where there is a Chromium, opened.
import { readFile, readdir, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { findChromium } from '../../chromium/find-chromium'
import { end, launch, npm, type Command } from '../shell'
import { expectThat, Skipped, type World } from './parts'
import { program } from './idx'

const vite = '8.3.8'
const secondsToTrain = 90

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** Serves a folder, and takes what a page tells. @returns { url, told, close } */
/** What the page says of its training. */
interface PageReport {
  readonly error?: string
  readonly device: string
  readonly losses: [number, number]
  readonly accuracy: number
}

const servePage = async (folder: string) => {
  let hear: (report: PageReport) => void = () => undefined
  const told = new Promise<PageReport>((resolve) => (hear = resolve))
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    if (request.method === 'POST') {
      hear((await json(request)) as PageReport)
      return void response.end()
    }
    const file = path === '/' ? 'index.html' : path.slice(1)
    const content = await readFile(join(folder, file)).catch(() => undefined)
    if (content === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(content)
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, told, close }
}

/** Opens a page without a window until it has told something. */
const openPage = async (browser: string, { url, told }: Awaited<ReturnType<typeof servePage>>, profile: string) => {
  const flags = ['--headless=new', '--no-first-run', '--disable-gpu', `--user-data-dir=${profile}`]
  if (process.getuid?.() === 0) flags.push('--no-sandbox') // Chromium refuses to start as root otherwise
  const child = launch([browser, ...flags, url], { stdout: 'ignore', stderr: 'ignore' })
  let timer
  try {
    return await Promise.race([
      told,
      child.then(({ exitCode, originalMessage }): never => {
        throw new Error(originalMessage ?? `Chromium ended with exit status ${exitCode}`)
      }),
      new Promise<never>((_, reject) => {
        const late = () => reject(new Error(`the page told nothing within ${secondsToTrain} s`))
        timer = setTimeout(late, secondsToTrain * 1000)
      }),
    ])
  } finally {
    clearTimeout(timer)
    end(child)
    await child
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

export const tryPage = async ({ attempt, team, versions }: World): Promise<void> => {
  const range = (name: string) => [name, `^${versions.get(name)}`] as const
  const used = ['@digitlab/backend-wasm', '@digitlab/data', '@digitlab/models', '@digitlab/train'].map(range)
  const folder = await team.project(
    'page',
    {
      type: 'module',
      dependencies: {
        ...Object.fromEntries(used),
        '@tensorflow/tfjs-backend-wasm': '4.22.0',
        '@tensorflow/tfjs-core': '4.22.0',
      },
      devDependencies: { vite },
    },
    { 'index.html': await program('page/index.html'), 'main.js': await program('page/main.js') },
  )
  const part = `page, Vite ${vite.split('.')[0]}`
  const npmHere = (...args: Command) => team.execute([...npm(), ...args], folder, { seconds: 300 })
  if (!(await attempt(part, 'installed', async () => void (await npmHere('install'))))) return
  const built = await attempt(part, 'built', async () => {
    await npmHere('exec', '--', 'vite', 'build', '--logLevel', 'warn')
    const files = await readdir(join(folder, 'dist'), { recursive: true })
    const bundle = files.filter((file) => file.endsWith('.js'))
    for (const file of bundle) {
      const text = await readFile(join(folder, 'dist', file), 'utf8')
      expectThat(!text.includes('cuLaunchKernel'), `the bundle ${file} holds the CUDA backend`)
    }
    return `${bundle.length} files of JavaScript`
  })
  if (!built) return
  await attempt(part, 'opened in Chromium, trains the cnn', async () => {
    const browser = findChromium()
    if (browser === undefined) throw new Skipped('no Chromium here: name one in DIGITLAB_CHROMIUM')
    const server = await servePage(join(folder, 'dist'))
    try {
      const { error, device, losses, accuracy } = await openPage(browser, server, join(team.folder, 'profile'))
      expectThat(error === undefined, error ?? '')
      expectThat(losses[1] < losses[0] / 2, `the loss went from ${losses.join(' to ')}`)
      expectThat(accuracy > 0.6, `the accuracy is ${accuracy}`)
      return `${device}: loss ${losses.map((loss) => loss.toFixed(3)).join(' to ')}, accuracy ${(100 * accuracy).toFixed(1)} %`
    } finally {
      server.close()
    }
  })
}
