import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { UsageError } from './usage-error'

/** A server on this machine's own addresses alone. */
export interface Listening {
  readonly port: number
  readonly addresses: readonly string[]
  close(): Promise<void>
}

/** How many ports after the first are tried where none was named. */
const furtherPorts = 50

/**
 * Listens on 127.0.0.1, and on ::1 where there is one, at the same port: a browser takes either for localhost.
 *
 * @param wanted a port that was named, 0 for any; or else the one to begin with, as the next free one is taken
 * @throws UsageError if the named port, or every one that was tried, is taken or not allowed
 */
export const listen = async (
  listener: RequestListener,
  wanted: { readonly named: number } | { readonly from: number },
): Promise<Listening> => {
  if ('named' in wanted) {
    const listening = await tryPort(listener, wanted.named)
    if (typeof listening === 'object') return listening
    throw new UsageError(
      `could not listen on port ${wanted.named} (${listening}): name another one with --port, or leave --port out for the next free one`,
    )
  }
  const last = wanted.from + furtherPorts
  let why = ''
  for (let port = wanted.from; port <= last; port++) {
    const listening = await tryPort(listener, port)
    if (typeof listening === 'object') return listening
    why = listening
  }
  throw new UsageError(`could not listen on any port from ${wanted.from} to ${last} (${why}): name one with --port`)
}

/** @returns why not, where the port is not available */
const tryPort = async (listener: RequestListener, port: number): Promise<Listening | string> => {
  const first = await listenOn('127.0.0.1', port, listener)
  if (first instanceof Error) return reasonOf(first)
  const { port: taken } = first.address() as AddressInfo // it listens on a port
  const second = await listenOn('::1', taken, listener)
  if (second instanceof Error && second.code === 'EADDRINUSE') {
    await closed(first)
    return reasonOf(second)
  }
  // Any other failure: this machine has no IPv6.
  const servers = second instanceof Error ? [first] : [first, second]
  return {
    port: taken,
    addresses: servers.map((server) => (server.address() as AddressInfo).address),
    async close() {
      await Promise.all(servers.map(closed))
    },
  }
}

const listenOn = (host: string, port: number, listener: RequestListener): Promise<Server | NodeJS.ErrnoException> =>
  new Promise((resolve) => {
    const server = createServer(listener)
    server.once('error', resolve)
    server.listen({ host, port, ipv6Only: host === '::1' }, () => resolve(server))
  })

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const reasonOf = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'EADDRINUSE' ? 'it is taken' : code === 'EACCES' ? 'no permission' : message
