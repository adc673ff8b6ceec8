// `digitlab serve`: what it gives, and above all what it does not.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { catalogue } from '@digitlab/data'
import { findDatasets } from '@digitlab/data/node'
import { parseServedDatasets } from '@digitlab/data/web'
import { writeIdx } from '@digitlab/idx'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listen, type Listening } from './listen'
import { readPage } from './page-files'
import { pageListener } from './page-server'

const bin = fileURLToPath(new URL('../bin/digitlab.js', import.meta.url))
const secret = 'what nobody may read'
const script = 'console.log("page")\n'.repeat(100)
const wasm = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0])
let folder = ''
let page = ''
let data = ''
let server: Listening

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-serve-'))
  page = join(folder, 'page')
  data = join(folder, 'data')
  await mkdir(join(page, 'assets'), { recursive: true })
  await mkdir(join(data, 'qmnist'), { recursive: true })
  await writeFile(
    join(page, 'index.html'),
    '<!doctype html><title>page</title><meta name="digitlab-data" content="" /><script type="module" src="./assets/a.js"></script>',
  )
  await writeFile(join(page, 'assets', 'a.js'), script)
  await writeFile(join(page, 'assets', 'a.wasm'), wasm)
  await writeFile(join(folder, 'secret.txt'), secret)
  await writeFile(join(data, 'qmnist', 'secret.txt'), secret)
  await symlink(join(folder, 'secret.txt'), join(page, 'link.txt'))
  await symlink(folder, join(page, 'up'))
  const { trainImages, trainLabels, testImages, testLabels } = catalogue.qmnist.files
  for (const { name } of [trainImages, testImages])
    await writeFile(
      join(data, 'qmnist', name),
      gzipSync(writeIdx({ type: 'uint8', shape: [2, 28, 28], data: new Uint8Array(1568) })),
    )
  for (const { name } of [trainLabels, testLabels])
    await writeFile(
      join(data, 'qmnist', name.replace(/\.gz$/, '')),
      writeIdx({ type: 'int32', shape: [2, 8], data: new Int32Array(16) }),
    )
  const env = { DIGITLAB_CACHE: join(folder, 'cache') }
  let port = 0
  const listener = pageListener(await readPage(page), await findDatasets({ folder: data, env }), () => port)
  server = await listen(listener, { named: 0 })
  port = server.port
})
afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Asks for exactly this target: `fetch` and URL would tidy it up. */
const ask = (target: string, headers: Record<string, string> = {}, method = 'GET', host = '127.0.0.1') =>
  new Promise<Answer>((resolve, reject) => {
    const { port } = server
    const asked = request({ host, port, path: target, method, headers }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
      )
    })
    asked.on('error', reject)
    asked.end()
  })

/** Sends a request line as it is, which Node's own client would refuse to. */
const askRaw = (line: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1')
    let answer = ''
    socket.on('data', (piece) => (answer += piece.toString('latin1')))
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
    socket.end(`${line}\r\nHost: localhost:${server.port}\r\nConnection: close\r\n\r\n`, 'latin1')
  })

describe('the page', () => {
  test('is served with what isolates it, and is told where data are', async () => {
    const { status, headers, body } = await ask('/')
    expect(status).toBe(200)
    expect(body.toString()).toContain('<meta name="digitlab-data" content="data/" />')
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    expect(headers['content-security-policy']).toMatch(
      /default-src 'self';.*'wasm-unsafe-eval'.*connect-src 'self' blob: data: https:;/,
    )
    expect((await ask('/index.html?x=1')).body).toEqual(body)
  })

  test('comes packed to who takes it, and not again to who has it', async () => {
    const plain = await ask('/assets/a.js')
    expect(plain.body.toString()).toBe(script)
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    })
    const packed = await ask('/assets/a.js', { 'accept-encoding': 'br, gzip;q=0.5' })
    expect(packed.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(packed.body).toString()).toBe(script)
    expect(packed.headers.etag).not.toBe(plain.headers.etag)
    for (const refused of ['gzip;q=0', 'br', ''])
      expect((await ask('/assets/a.js', { 'accept-encoding': refused })).headers['content-encoding']).toBeUndefined()
    const again = await ask('/assets/a.js', { 'if-none-match': `"other", W/${plain.headers.etag}` })
    expect([again.status, again.body.length]).toEqual([304, 0])
    expect((await ask('/assets/a.wasm')).headers['content-type']).toBe('application/wasm')
  })

  test('is given to GET and HEAD alone', async () => {
    const head = await ask('/assets/a.js', {}, 'HEAD')
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(script.length), 0])
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])
      expect((await ask('/', {}, method)).status, method).toBe(405)
  })

  test('is given to no other name of this machine', async () => {
    const { port } = server
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`])
      expect((await ask('/', { host })).status, host).toBe(200)
    for (const host of ['localhost', `evil.example:${port}`, `localhost:${port + 1}`, `localhost.evil.example:${port}`])
      expect((await ask('/', { host })).status, host).toBe(403)
  })

  test('is given to a request that names one host', async () => {
    const { port } = server
    for (const second of [`localhost:${port}`, 'evil.example'])
      expect(await askRaw(`GET / HTTP/1.1\r\nHost: ${second}`)).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('a build that cannot be told where data are is refused, and so is a folder without one', async () => {
    const other = join(folder, 'other')
    await expect(readPage(other)).rejects.toMatchObject({ mendable: true })
    await mkdir(other)
    await expect(readPage(other)).rejects.toThrow('there is no index.html in')
    await writeFile(join(other, 'index.html'), '<!doctype html>')
    await expect(readPage(other)).rejects.toThrow('has no <meta name="digitlab-data"')
  })
})

describe('data', () => {
  test('are those that were found, with their own names, and are whole', async () => {
    const { status, headers, body } = await ask('/data/datasets.json')
    expect([status, headers['content-type']]).toEqual([200, 'application/json'])
    const [served, ...others] = parseServedDatasets(body.toString(), 'there')
    expect(others).toEqual([])
    expect(served).toMatchObject({
      name: 'qmnist',
      title: 'QMNIST',
      files: { testLabels: 'qmnist-test-labels-idx2-int' },
    })
    for (const name of Object.values(served?.files ?? {}) as string[]) {
      const file = await ask(`/data/qmnist/${name}`)
      expect(file.body).toEqual(await readFile(join(data, 'qmnist', name)))
      expect(file.headers).toMatchObject({ 'content-type': 'application/octet-stream', 'cache-control': 'no-cache' })
      expect(file.headers['content-encoding']).toBeUndefined()
      const again = await ask(`/data/qmnist/${name}`, { 'if-none-match': file.headers.etag ?? '' })
      expect(again.status).toBe(304)
      const head = await ask(`/data/qmnist/${name}`, {}, 'HEAD')
      expect([head.headers['content-length'], head.body.length]).toEqual([String(file.body.length), 0])
    }
    expect(JSON.stringify(served)).not.toContain(folder)
  })

  test('are given in part, as who goes on with a download asks for them', async () => {
    const name = catalogue.qmnist.files.trainImages.name
    const whole = await readFile(join(data, 'qmnist', name))
    const target = `/data/qmnist/${name}`
    const { headers } = await ask(target)
    expect(headers['accept-ranges']).toBe('bytes')
    const last = whole.length - 1
    const etag = headers.etag ?? ''
    const parts: [range: string, start: number, end: number][] = [
      ['bytes=0-0', 0, 0],
      ['bytes=10-19', 10, 19],
      [`bytes=${last - 4}-`, last - 4, last],
      ['bytes=-5', last - 4, last],
      [`bytes=5-${whole.length + 99}`, 5, last],
      [`bytes=-${whole.length + 99}`, 0, last],
    ]
    for (const [range, start, end] of parts)
      for (const more of [{}, { 'if-range': etag }]) {
        const part = await ask(target, { range, ...more })
        expect([part.status, part.headers['content-range']]).toEqual([206, `bytes ${start}-${end}/${whole.length}`])
        expect(part.body).toEqual(whole.subarray(start, end + 1))
      }
    for (const range of [`bytes=${whole.length}-`, `bytes=${whole.length + 5}-${whole.length + 9}`, 'bytes=-0']) {
      const beyond = await ask(target, { range })
      expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${whole.length}`])
    }
    for (const range of ['bytes=5-2', 'bytes=-', 'bytes=a-b', 'lines=1-2', 'bytes=0-1,4-5', `bytes=${'9'.repeat(40)}`])
      expect((await ask(target, { range })).body, range).toEqual(whole)
    const other = await ask(target, { range: 'bytes=0-0', 'if-range': '"another"' })
    expect([other.status, other.body.length]).toEqual([200, whole.length])
    expect((await ask(target, { range: 'bytes=0-0' }, 'HEAD')).headers['content-length']).toBe(String(whole.length))
  })

  test('that are no longer those that were found are not given: other bytes, a link elsewhere, a pipe', async () => {
    const name = catalogue.qmnist.files.testImages.name
    const path = join(data, 'qmnist', name)
    const target = `/data/qmnist/${name}`
    const kept = `${path}.kept`
    const back = async () => {
      await rm(path)
      await rename(kept, path)
    }
    expect((await ask(target)).status).toBe(200)
    const changes: [what: string, change: () => unknown][] = [
      ['a link elsewhere', () => symlink(join(folder, 'secret.txt'), path)],
      ['another file', () => writeFile(path, secret)],
      ['a pipe', () => execFileSync('mkfifo', [path])],
      ['a folder', () => mkdir(path)],
    ]
    for (const [what, change] of changes) {
      await rename(path, kept)
      await change()
      // More than the threads with which Node opens files: none may be left waiting for a writer.
      const answers = await Promise.all(Array.from({ length: 9 }, () => ask(target)))
      expect(
        answers.map(({ status }) => status),
        what,
      ).toEqual(new Array(9).fill(410))
      expect(answers[0]?.body.toString()).not.toContain(secret)
      if (what === 'a folder') await rm(path, { recursive: true, force: true }).then(() => writeFile(path, ''))
      await back()
    }
    expect((await ask(target)).status).toBe(200)
    const { mtime } = await stat(path)
    const bytes = await readFile(path)
    await writeFile(
      path,
      bytes.map((byte, i) => (i === 30 ? byte ^ 1 : byte)),
    ) // in place, of the same length
    await utimes(path, new Date(), new Date(mtime.getTime() + 5000))
    expect((await ask(target)).status).toBe(410)
    await writeFile(path, bytes)
    await utimes(path, mtime, mtime)
  })

  test('that have gone meanwhile are an answer, not the end', async () => {
    const path = join(data, 'qmnist', catalogue.qmnist.files.testImages.name)
    const kept = `${path}.kept`
    await rename(path, kept)
    expect((await ask(`/data/qmnist/${catalogue.qmnist.files.testImages.name}`)).status).toBe(500)
    await rename(kept, path)
    expect((await ask('/')).status).toBe(200)
  })
})

describe('what lies outside', () => {
  const targets = [
    '/link.txt',
    '/up/secret.txt',
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%2fsecret.txt',
    '/%252e%252e%252fsecret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '/data/qmnist/secret.txt',
    '/data/qmnist/../../secret.txt',
    '/data/../secret.txt',
    '/data/',
    '/data',
    '/assets/',
    '/assets',
    '/index.html%00.txt',
    '/secret.txt%00index.html',
    '//etc/passwd',
    '/etc/passwd',
    '/%2fetc%2fpasswd',
    '/file:///etc/passwd',
    '/C:%5cWindows%5cwin.ini',
    '/index.html/',
    '/INDEX.HTML',
    '/__proto__',
    '/constructor',
    '/%',
    '/%ff%fe',
    '/.',
    '/..',
  ]
  test.each(targets)('%s is not given', async (target) => {
    const { status, body } = await ask(target)
    expect([400, 404]).toContain(status)
    expect(body.toString()).not.toContain(secret)
  })

  test.each([
    'GET http://127.0.0.1/secret.txt HTTP/1.1',
    'GET ../secret.txt HTTP/1.1',
    'GET /\0 HTTP/1.1',
    'GET  HTTP/1.1',
    'CONNECT 127.0.0.1:22 HTTP/1.1',
  ])('%j is refused', async (line) => {
    const answer = await askRaw(line)
    expect(answer).not.toMatch(/^HTTP\/1\.1 200/)
    expect(answer).not.toContain(secret)
    expect((await ask('/')).status).toBe(200)
  })

  test('nothing but the page and the data is given, whatever is asked for', async () => {
    const piece = fc.constantFrom(
      ...['..', '.', '%2e%2e', '%2e', '/', '%2f', '%5c', '%00', '%25', 'assets', 'data', 'qmnist', 'up', 'link.txt'],
      ...['secret.txt', 'etc', 'passwd', 'a.js', 'index.html', '~', ';', '?', '#', '%c0%ae', 'C:', ' ', '\u00e4'],
    )
    const target = fc
      .array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 12 })
      .map((pieces) => `/${pieces.join('')}`)
      .filter((path) => !/[^\u0021-\u00ff]/.test(path)) // Node's client sends no others
    const allowed = [
      (await ask('/')).body.toString(),
      script,
      wasm.toString(),
      (await ask('/data/datasets.json')).body.toString(),
    ]
    await fc.assert(
      fc.asyncProperty(target, async (path) => {
        const { status, body } = await ask(path)
        if (status === 200) expect(allowed).toContain(body.toString())
        else expect([400, 403, 404]).toContain(status)
        expect(body.toString()).not.toContain(secret)
      }),
      { numRuns: 400 },
    )
  })
})

describe('digitlab serve', () => {
  const start = (args: readonly string[], env: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [bin, 'serve', ...args], {
      env: { ...process.env, DIGITLAB_DATA: '', DIGITLAB_CACHE: join(folder, 'cache'), ...env },
    })
    const told = { out: '', err: '' }
    child.stdout.on('data', (text: Buffer) => (told.out += text.toString()))
    child.stderr.on('data', (text: Buffer) => (told.err += text.toString()))
    const ended = once(child, 'close') as Promise<[code: number | null]>
    return { child, told, ended }
  }

  test('says where it is, gives the page, and ends well with Ctrl-C', async () => {
    const { child, told, ended } = start(['--page', page, '--data-dir', data, '--port', '0', '--json'])
    try {
      while (!told.out.endsWith('}\n')) await Promise.race([once(child.stdout, 'data'), ended])
      const document = JSON.parse(told.out) as { url: string; datasets: unknown[] }
      expect(document.datasets).toEqual([{ name: 'qmnist', title: 'QMNIST', origin: `the folder ${data}` }])
      expect(await (await fetch(document.url)).text()).toContain('<title>page</title>')
      expect(told.err).toContain('MNIST is not here')
    } finally {
      child.kill('SIGINT')
    }
    expect(await ended).toEqual([0, null])
  })

  test('says what is wrong and what to do', async () => {
    for (const [args, code, why] of [
      [['--page', page, '--data-dir', page], 1, 'holds none of MNIST, Fashion-MNIST, KMNIST, QMNIST'],
      [['--page', join(folder, 'nowhere')], 1, 'has no page in'],
      [['--page', page, '--port', String(server.port)], 1, 'it is taken'],
      [['--page', page, '--port', '70000'], 2, 'It must be at most 65535'],
      [['--page', page, '--port', 'x'], 2, 'It must be an integer'],
    ] as const) {
      const { told, ended } = start(args)
      expect((await ended)[0], told.err).toBe(code)
      expect(told.err).toContain(why)
    }
  })
})
