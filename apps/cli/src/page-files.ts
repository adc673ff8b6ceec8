import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { UsageError } from './usage-error'

/** A file of the page, in memory. */
export interface PageFile {
  readonly type: string
  readonly bytes: Buffer
  /** Compressed, where that is worth it. */
  readonly packed?: Buffer
  /** Of the content: it changes with it. */
  readonly tag: string
  /** Whether its name changes with its content, so that it may be kept for ever. */
  readonly hashed: boolean
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
}

const compressible = new Set(['.html', '.js', '.mjs', '.css', '.json', '.webmanifest', '.svg', '.txt', '.wasm'])

/** What tells the page where data are served beside it: empty in the build, as a static host has none. */
const dataAddress = /(<meta\s+name="digitlab-data"\s+content=")("\s*\/?>)/

/**
 * Reads the built page, whole: what is served of it is what was read, whatever path is asked for. Links are left out.
 *
 * @param folder with index.html
 * @returns the files by their paths, with slashes and without one before them
 * @throws UsageError if there is no page
 */
export const readPage = async (folder: string): Promise<ReadonlyMap<string, PageFile>> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new UsageError(`this digitlab has no page in ${folder}: install it again, or build it with "npm run build"`, {
      cause,
    })
  })
  const files = new Map<string, PageFile>()
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(folder.length + 1).replaceAll('\\', '/')
    const bytes = await readFile(path)
    files.set(name, await pageFile(name, name === 'index.html' ? withDataAddress(bytes) : bytes))
  }
  if (!files.has('index.html'))
    throw new UsageError(`there is no index.html in ${folder}: install digitlab again, or run "npm run build"`)
  return files
}

const withDataAddress = (bytes: Buffer): Buffer => {
  const html = bytes.toString('utf8')
  if (!dataAddress.test(html)) throw new Error('the page has no <meta name="digitlab-data" content=""> to be filled in')
  return Buffer.from(html.replace(dataAddress, '$1data/$2'))
}

const pageFile = async (name: string, bytes: Buffer): Promise<PageFile> => {
  const extension = extname(name).toLowerCase()
  const packed = compressible.has(extension) ? await promisify(gzip)(bytes) : undefined
  return {
    type: types[extension] ?? 'application/octet-stream',
    bytes,
    ...(packed && packed.length < bytes.length ? { packed } : {}),
    tag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    hashed: name.startsWith('assets/'),
  }
}
