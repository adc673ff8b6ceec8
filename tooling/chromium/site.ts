// A page for a test: sources of the workspace bundled as a user's bundler would, and served on loopback.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'
import { build } from 'vite'

/** What is served: paths without a slash before them, and what they hold. */
export type Files = ReadonlyMap<string, string | Uint8Array>

const mimeTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
}

/**
 * Bundles a module with Vite, from the packages' sources, into a page that runs it.
 *
 * @param entry the module's path; workers that it starts with `new Worker(new URL(...), { type: 'module' })` and files that it
 * imports with `?url` come with it
 */
export const bundle = async (entry: string): Promise<Files> => {
  const output = await build({
    configFile: false,
    logLevel: 'error',
    base: './',
    resolve: { conditions: ['@digitlab/source', 'module', 'browser', 'import', 'default'] },
    worker: { format: 'es' },
    build: {
      write: false,
      minify: false,
      modulePreload: false,
      target: 'es2022',
      chunkSizeWarningLimit: Infinity,
      rolldownOptions: { input: entry, output: { entryFileNames: 'entry.js' } },
    },
  })
  if (!('output' in output)) throw new Error('Vite was asked for one build and gave several, or a watcher')
  const files = new Map<string, string | Uint8Array>([['index.html', page]])
  for (const file of output.output) files.set(file.fileName, file.type === 'chunk' ? file.code : file.source)
  return files
}

const page = '<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="./entry.js"></script>'

export interface SiteOptions {
  /** Whether the page is cross-origin isolated, and so has shared memory: true unless given. */
  readonly isolated?: boolean
  /** The path under which the files lie: '/' unless given. */
  readonly base?: string
  /** Answers what is no file of the page; answers 404 unless given. */
  readonly other?: (request: IncomingMessage, response: ServerResponse) => void
}

/** A server of a page, on loopback. */
export interface Site {
  /** Of the page, with the base path and a slash at the end. */
  readonly url: string
  close(): Promise<void>
}

/** Serves a page on a free port of 127.0.0.1. */
export const serve = async (files: Files, options: SiteOptions = {}): Promise<Site> => {
  const { isolated = true, base = '/', other = (_, response) => void response.writeHead(404).end() } = options
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const path = pathname.startsWith(base) ? decodeURIComponent(pathname.slice(base.length)) || 'index.html' : undefined
    const file = path === undefined ? undefined : files.get(path)
    if (isolated) {
      response.setHeader('cross-origin-opener-policy', 'same-origin')
      response.setHeader('cross-origin-embedder-policy', 'require-corp')
    }
    if (file === undefined) return other(request, response)
    response.setHeader('content-type', mimeTypes[extname(path ?? '')] ?? 'application/octet-stream')
    response.end(file)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
