// A gate before a registry that can fail as registries do: it refuses a package, or takes it and loses the answer.
import { createServer, request } from 'node:http'

/**
 * Opens a gate on a free port.
 *
 * @param target the registry behind it
 * @returns { url, sent, failAt, close }: sent lists the packages whose tarballs came by, failAt(name, how) makes the next
 *   one of that name fail: 'refused' (503, nothing published) or 'lost' (published, and the connection cut)
 */
export const openGate = async (target) => {
  const sent = []
  let failure
  const server = createServer((incoming, answer) => {
    const name = decodeURIComponent(incoming.url.slice(1))
    const publishes = incoming.method === 'PUT' && !incoming.url.startsWith('/-/')
    const how = publishes && failure?.name === name ? failure.how : undefined
    if (publishes) sent.push(name)
    if (how !== undefined) failure = undefined
    if (how === 'refused') {
      incoming.resume().once('end', () => answer.writeHead(503).end('{"error":"try again later"}'))
      return
    }
    const { method, headers, url } = incoming
    const outgoing = request(new URL(url, target), { method, headers }, (response) => {
      if (how === 'lost') {
        response.resume().once('end', () => answer.destroy())
        return
      }
      answer.writeHead(response.statusCode, response.headers)
      response.pipe(answer)
    })
    outgoing.once('error', () => answer.destroy())
    incoming.pipe(outgoing)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    sent,
    failAt: (name, how) => {
      failure = { name, how }
    },
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
