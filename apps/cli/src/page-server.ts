// What `digitlab serve` answers: the page, and the data sets that were found, and nothing else. Paths are looked up in a list that was
// made at the start; none is ever put together from what is asked for.
import { open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { catalogue, catalogueNames } from '@digitlab/data'
import type { LocalDataset } from '@digitlab/data/node'
import type { PageFile } from './page-files'

/** Where the page fetches data sets from that this machine does not have. */
const mirrors = [
  ...new Set(catalogueNames.flatMap((name) => catalogue[name].browserMirrors.map((mirror) => new URL(mirror).origin))),
]

/** Code from here alone, workers and WebAssembly too; data from here, from the mirrors, and from what the page itself made. */
const policy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  `connect-src 'self' blob: data: ${mirrors.join(' ')}`,
  "img-src 'self' blob: data:",
  "style-src 'self' 'unsafe-inline'", // figures are drawn with style attributes
  "frame-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const everywhere: Readonly<Record<string, string>> = {
  'content-security-policy': policy,
  // Both make the page cross-origin isolated, which threads need.
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`)

/** The document that tells a page which data sets there are: `ServedDataset` of @digitlab/data/web. */
const indexOf = (datasets: readonly LocalDataset[]): Buffer =>
  json({
    datasets: datasets.map(({ name, title, files }) => ({
      name,
      title,
      files: {
        trainImages: files.trainImages.name,
        trainLabels: files.trainLabels.name,
        testImages: files.testImages.name,
        testLabels: files.testLabels.name,
      },
    })),
  })

/** Answers requests for a page and for data sets; `port` is that of the server, for the check of the host's name. */
export const pageListener = (
  page: ReadonlyMap<string, PageFile>,
  datasets: readonly LocalDataset[],
  port: () => number,
): ((request: IncomingMessage, response: ServerResponse) => void) => {
  const index = indexOf(datasets)
  const data = new Map<string, string>(
    datasets.flatMap(({ name, files }) =>
      [files.trainImages, files.trainLabels, files.testImages, files.testLabels].map(
        (file) => [`data/${name}/${file.name}`, file.path] as const,
      ),
    ),
  )
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of Object.entries(everywhere)) response.setHeader(name, value)
    // A page of another name that resolves to this machine must not read what is here (DNS rebinding).
    if (!hosts(port()).includes(request.headers.host?.toLowerCase() ?? ''))
      return refuse(response, 403, `this server answers as ${hosts(port())[0]} alone`)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return refuse(response, 405, 'this server only gives')
    }
    const path = pathOf(request.url ?? '')
    if (path === undefined) return refuse(response, 400, 'this is no path')
    const file = page.get(path === '' ? 'index.html' : path)
    if (file) return sendPage(file, request, response)
    response.setHeader('cache-control', 'no-cache')
    if (path === 'data/datasets.json') return send(response, request, 'application/json', index)
    const dataPath = data.get(path)
    return dataPath === undefined
      ? refuse(response, 404, 'there is nothing here')
      : sendFile(dataPath, request, response)
  }
  return (request, response) => {
    answer(request, response).catch(() => {
      // The file can no longer be read, or whoever asked has gone: there is nobody to tell but them.
      if (response.headersSent) response.destroy()
      else refuse(response, 500, 'the file could not be read')
    })
  }
}

const hosts = (port: number): string[] => ['localhost', '127.0.0.1', '[::1]'].map((name) => `${name}:${port}`)

/** The path that is asked for, decoded, without the slash before it; undefined where it is none. */
const pathOf = (target: string): string | undefined => {
  if (!target.startsWith('/')) return undefined
  try {
    return decodeURIComponent((target.split(/[?#]/, 1)[0] ?? '').slice(1))
  } catch {
    return undefined
  }
}

const refuse = (response: ServerResponse, status: number, why: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
  response.end(`${why}\n`)
}

const send = (response: ServerResponse, request: IncomingMessage, type: string, bytes: Buffer): void => {
  response.writeHead(200, { 'content-type': type, 'content-length': bytes.length })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

/** @returns whether the asker has the content already, and was told so */
const unchanged = (request: IncomingMessage, response: ServerResponse, tag: string): boolean => {
  const etag = `"${tag}"`
  response.setHeader('etag', etag)
  const known = (request.headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
  if (!known.includes(etag)) return false
  response.writeHead(304).end()
  return true
}

const sendPage = (file: PageFile, request: IncomingMessage, response: ServerResponse): void => {
  response.setHeader('cache-control', file.hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (file.packed) response.setHeader('vary', 'accept-encoding')
  const packed = takesGzip(request) ? file.packed : undefined
  if (unchanged(request, response, packed ? `${file.tag}-gzip` : file.tag)) return
  if (packed) response.setHeader('content-encoding', 'gzip')
  send(response, request, file.type, packed ?? file.bytes)
}

const takesGzip = ({ headers }: IncomingMessage): boolean =>
  String(headers['accept-encoding'] ?? '')
    .split(',')
    .some((one) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(one))

const sendFile = async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const file = await open(path)
  try {
    const { size, mtimeMs } = await file.stat()
    if (unchanged(request, response, `${size.toString(36)}-${Math.round(mtimeMs).toString(36)}`)) return
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
    if (request.method === 'HEAD') response.end()
    else await pipeline(file.createReadStream({ autoClose: false, end: size - 1 }), response)
  } finally {
    await file.close()
  }
}
