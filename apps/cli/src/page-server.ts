// What `digitlab serve` answers: the page, and the data sets that were found, and nothing else. Paths are looked up in a list that was
// made at the start; none is ever put together from what is asked for.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { LocalDataset } from '@digitlab/data/node'
import type { PageFile } from './page-files'

/** Code from here alone, workers and WebAssembly too; data from here, from what the page itself made, and from mirrors or an address that
 * somebody types. */
const policy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "connect-src 'self' blob: data: https:",
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
  const data = new Map<string, DataFile>(
    datasets.flatMap(({ name, files }) =>
      [files.trainImages, files.trainLabels, files.testImages, files.testLabels].map(
        (file) => [`data/${name}/${file.name}`, file] as const,
      ),
    ),
  )
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of Object.entries(everywhere)) response.setHeader(name, value)
    if (request.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length > 1)
      return refuse(response, 400, 'a request names one host')
    // A page of another name that resolves to this machine must not read what is here (DNS rebinding).
    if (!hosts(port()).includes(request.headers.host?.toLowerCase() ?? ''))
      return refuse(response, 403, `this server answers as ${hosts(port())[0]} alone`)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return refuse(response, 405, 'this server only gives')
    }
    const path = pathOf(request.url ?? '')
    if (path === undefined) return refuse(response, 400, 'this is not a path')
    const file = page.get(path === '' ? 'index.html' : path)
    if (file) return sendPage(file, request, response)
    response.setHeader('cache-control', 'no-cache')
    if (path === 'data/datasets.json') return send(response, request, 'application/json', index)
    const dataFile = data.get(path)
    return dataFile === undefined
      ? refuse(response, 404, 'there is nothing here')
      : sendFile(dataFile, request, response)
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

/** The path that is asked for, decoded, without the slash before it; undefined if it is not one. */
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

type DataFile = LocalDataset['files']['trainImages']

/**
 * Sends a file of a data set, if it is still the one that was found and verified at the start: whatever else lies there now is not
 * meant for a page.
 */
const sendFile = async (
  { path, version }: DataFile,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  // Opening a pipe would wait for its writer, and hold up all other files; Windows has no such flag, and no such files.
  const file = await open(path, constants.O_RDONLY | ((constants as Partial<typeof constants>).O_NONBLOCK ?? 0))
  try {
    const now = await file.stat()
    const same =
      now.isFile() &&
      now.dev === version.device &&
      now.ino === version.inode &&
      now.size === version.bytes &&
      now.mtimeMs === version.modified
    if (!same) return refuse(response, 410, 'the file has changed since this server was started: start it again')
    const tag = `${now.size.toString(36)}-${Math.round(now.mtimeMs).toString(36)}`
    response.setHeader('accept-ranges', 'bytes')
    if (unchanged(request, response, tag)) return
    const range = rangeOf(request, now.size, `"${tag}"`)
    if (range === 'none') {
      response.setHeader('content-range', `bytes */${now.size}`)
      return refuse(response, 416, `the file has ${now.size} bytes`)
    }
    const { start, end } = range ?? { start: 0, end: now.size - 1 }
    response.writeHead(range ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': end - start + 1,
      ...(range ? { 'content-range': `bytes ${start}-${end}/${now.size}` } : {}),
    })
    if (request.method === 'HEAD' || now.size === 0) response.end()
    else await pipeline(file.createReadStream({ autoClose: false, start, end }), response)
  } finally {
    await file.close()
  }
}

/**
 * The part of a file that is asked for, both ends included.
 *
 * @returns 'none' where it lies behind the file; undefined if the whole is asked for, or several parts, which may be answered so
 */
const rangeOf = (
  { headers, method }: IncomingMessage,
  size: number,
  etag: string,
): { readonly start: number; readonly end: number } | 'none' | undefined => {
  const ifRange = headers['if-range']
  if (method !== 'GET' || (ifRange !== undefined && ifRange !== etag)) return undefined
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? []
  if (from === '' && to === '') return undefined
  if (from === '') return Number(to) === 0 ? 'none' : { start: Math.max(0, size - Number(to)), end: size - 1 }
  const [start, end] = [Number(from), to === '' ? size - 1 : Math.min(Number(to), size - 1)]
  if (to !== '' && Number(to) < start) return undefined // no range at all
  return start >= size ? 'none' : { start, end }
}
