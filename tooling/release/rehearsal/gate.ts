// A gate before a registry that can fail as registries do: it refuses a package, or takes it and loses the answer.
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** 'refused' answers 503, with nothing published; 'lost' publishes, and cuts the connection. */
type Failure = 'refused' | 'lost'

export interface Gate {
  /** Ends with a slash. */
  readonly url: string
  /** The packages whose tarballs came by. */
  readonly sent: readonly string[]
  /** Makes the next tarball of that name fail. */
  failAt(name: string, how: Failure): void
  close(): Promise<void>
}

/**
 * Opens a gate on a free port.
 *
 * @param target the registry behind it
 */
export const openGate = async (target: string): Promise<Gate> => {
  const sent: string[] = []
  let failure: { readonly name: string; readonly how: Failure } | undefined
  const server = createServer((incoming, answer) => {
    const { method, headers, url = '/' } = incoming
    const name = decodeURIComponent(url.slice(1))
    const publishes = method === 'PUT' && !url.startsWith('/-/')
    const how = publishes && failure?.name === name ? failure.how : undefined
    if (publishes) sent.push(name)
    if (how !== undefined) failure = undefined
    if (how === 'refused') {
      incoming.resume().once('end', () => answer.writeHead(503).end('{"error":"try again later"}'))
      return
    }
    const outgoing = request(new URL(url, target), { method, headers }, (response) => {
      if (how === 'lost') {
        response.resume().once('end', () => answer.destroy())
        return
      }
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    outgoing.once('error', () => answer.destroy())
    incoming.pipe(outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sent,
    failAt: (name, how) => {
      failure = { name, how }
    },
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
