// A registry of our own on loopback: Verdaccio, which takes our packages and gets all others from npm's registry.
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ReleaseError } from '../release-error.mjs'

const secondsToStart = 60

/** What Verdaccio is told. Our own names never come from elsewhere: what a team installs here was published here. */
const configuration = (folder, uplink) => ({
  self_path: folder,
  configPath: join(folder, 'config.yaml'),
  storage: join(folder, 'storage'),
  web: { enable: false },
  auth: { htpasswd: { file: join(folder, 'htpasswd'), algorithm: 'bcrypt', rounds: 4 } },
  uplinks: { npm: { url: uplink, timeout: '60s', max_fails: 10 } },
  packages: {
    '@digitlab/*': { access: '$all', publish: '$authenticated' },
    digitlab: { access: '$all', publish: '$authenticated' },
    '**': { access: '$all', proxy: 'npm' },
  },
  max_body_size: '100mb',
  log: { type: 'stdout', format: 'json', level: 'warn' },
})

/**
 * Starts a registry on a free port.
 *
 * @param options.folder an empty folder for what it stores
 * @param options.uplink the registry that it gets other packages from
 * @returns { url, token, stop }: url ends with a slash, token is that of a user who may publish
 */
export const startRegistry = async ({ folder, uplink }) => {
  const script = fileURLToPath(new URL('serve.mjs', import.meta.url))
  const child = fork(script, [JSON.stringify(configuration(folder, uplink))], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text))
  const ended = new Promise((resolve) => child.once('close', resolve))
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
  }
  try {
    const port = await new Promise((resolve, reject) => {
      const fail = (why) => reject(new ReleaseError(`Verdaccio ${why}; it said: ${said.slice(-2000)}`))
      setTimeout(() => fail(`did not start within ${secondsToStart} s`), secondsToStart * 1000).unref()
      child.once('error', (error) => fail(`could not be started: ${error.message}`))
      child.once('exit', (status) => fail(`ended with exit status ${status}`))
      child.once('message', (message) => resolve(message.port))
    })
    const url = `http://127.0.0.1:${port}/`
    const user = { name: 'releases', password: 'of a rehearsal' }
    const response = await fetch(new URL(`-/user/org.couchdb.user:${user.name}`, url), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(user),
    })
    if (!response.ok) throw new ReleaseError(`Verdaccio answered ${response.status} to a new user`)
    const { token } = await response.json()
    return { url, token, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
