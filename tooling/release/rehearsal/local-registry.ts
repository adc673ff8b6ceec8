// A registry of our own on loopback: Verdaccio, which takes our packages and gets all others from npm's registry.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execaNode } from 'execa'
import { ReleaseError } from '../release-error'

const secondsToStart = 60

/** What Verdaccio is told. Our own names never come from elsewhere: what a team installs here was published here. */
const configuration = (folder: string, uplink: string) => ({
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

export interface Registry {
  /** Ends with a slash. */
  readonly url: string
  /** That of a user who may publish. */
  readonly token: string
  stop(): Promise<void>
}

/**
 * Starts a registry on a free port.
 *
 * @param options.folder an empty folder for what it stores
 * @param options.uplink the registry that it gets other packages from
 */
export const startRegistry = async (options: { folder: string; uplink: string }): Promise<Registry> => {
  const script = fileURLToPath(new URL('serve.mjs', import.meta.url))
  const child = execaNode(script, [JSON.stringify(configuration(options.folder, options.uplink))], {
    ...{ ipc: true, all: true, reject: false, cleanup: false, nodeOptions: [] },
  } as const)
  const stop = async () => {
    child.kill('SIGKILL')
    await child
  }
  try {
    const late = AbortSignal.timeout(secondsToStart * 1000)
    const started = child.getOneMessage() as Promise<{ port: number }>
    const [told] = await Promise.allSettled([
      Promise.race([
        started,
        new Promise<never>((_, reject) =>
          late.addEventListener('abort', () => reject(new Error(`did not start within ${secondsToStart} s`))),
        ),
      ]),
    ])
    if (told.status === 'rejected') {
      await stop()
      const { exitCode, all } = await child
      const why = exitCode === undefined ? (told.reason as Error).message : `ended with exit status ${exitCode}`
      throw new ReleaseError(`Verdaccio ${why}; it said: ${all.slice(-2000)}`)
    }
    const url = `http://127.0.0.1:${told.value.port}/`
    const user = { name: 'releases', password: 'of a rehearsal' }
    const response = await fetch(new URL(`-/user/org.couchdb.user:${user.name}`, url), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(user),
    })
    if (!response.ok) throw new ReleaseError(`Verdaccio answered ${response.status} to a new user`)
    const { token } = (await response.json()) as { token: string }
    return { url, token, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
