// A page of another team's, built by Vite and, where there is a Chromium, opened.
import { readFile, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { findChromium } from '../../chromium/find-chromium.mjs'
import { end, launch, npm } from '../shell.mjs'
import { expectThat, Skipped } from './parts.mjs'
import { program } from './idx.mjs'

const vite = '8.3.8'
const secondsToTrain = 90

const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' }

/** Serves a folder, and takes what a page tells. @returns { url, told, close } */
const servePage = async (folder) => {
  let hear
  const told = new Promise((resolve) => (hear = resolve))
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname
    if (request.method === 'POST') {
      let body = ''
      for await (const part of request) body += part
      hear(JSON.parse(body))
      return void response.end()
    }
    const file = path === '/' ? 'index.html' : path.slice(1)
    const content = await readFile(join(folder, file)).catch(() => undefined)
    if (content === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(content)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${server.address().port}/`, told, close }
}

/** Opens a page without a window until it has told something. */
const openPage = async (browser, { url, told }, profile) => {
  const flags = ['--headless=new', '--no-first-run', '--disable-gpu', `--user-data-dir=${profile}`]
  if (process.getuid?.() === 0) flags.push('--no-sandbox') // Chromium refuses to start as root otherwise
  const child = launch([browser, ...flags, url])
  let timer
  try {
    return await Promise.race([
      told,
      new Promise((_, reject) => {
        const late = () => reject(new Error(`the page told nothing within ${secondsToTrain} s`))
        timer = setTimeout(late, secondsToTrain * 1000)
        child.once('error', reject)
        child.once('exit', (status) => reject(new Error(`Chromium ended with exit status ${status}`)))
      }),
    ])
  } finally {
    clearTimeout(timer)
    const ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve))
    const gone = child.exitCode !== null || child.signalCode !== null || child.pid === undefined
    end(child)
    if (!gone) await ended
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

export const tryPage = async ({ attempt, team, versions }) => {
  const range = (name) => [name, `^${versions.get(name)}`]
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
  const npmHere = (...args) => team.execute([...npm(), ...args], folder, { seconds: 300 })
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
      expectThat(error === undefined, error)
      expectThat(losses[1] < losses[0] / 2, `the loss went from ${losses.join(' to ')}`)
      expectThat(accuracy > 0.6, `the accuracy is ${accuracy}`)
      return `${device}: loss ${losses.map((loss) => loss.toFixed(3)).join(' to ')}, accuracy ${(100 * accuracy).toFixed(1)} %`
    } finally {
      server.close()
    }
  })
}
