// The page as "digitlab serve" gives it, for measurements in Chromium.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../../apps/cli/bin/digitlab.js', import.meta.url))

export interface ServedPage {
  readonly url: string
  readonly close: () => Promise<void>
}

/** Starts the command's server on a free port. @param options further ones of "digitlab serve" */
export const servedPage = async (options: readonly string[] = []): Promise<ServedPage> => {
  const server = spawn(process.execPath, [command, 'serve', '--port', '0', '--json', ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let out = ''
  server.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  while (!out.endsWith('}\n')) {
    if (server.exitCode !== null) throw new Error(`"digitlab serve" ended before it said where it listens: ${out}`)
    await Promise.race([once(server.stdout, 'data'), once(server, 'close')])
  }
  const { url } = JSON.parse(out) as { url: string }
  return {
    url,
    close: async () => {
      server.kill('SIGINT')
      if (server.exitCode === null) await once(server, 'close')
    },
  }
}
