// push and --init hf: against a hub on loopback that answers as Hugging Face's does.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'

const token = 'hf_right'
let place: Workplace
let folder = ''
let hub = ''
let repositories: Map<string, Map<string, Buffer>>
const created: unknown[] = []

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { method, url = '' } = request
  const body = await bodyOf(request)
  const json = (status: number, value: unknown) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  const large = /^\/large\/(\w+)$/.exec(url)?.[1]
  if (large !== undefined) {
    uploaded.set(large, body)
    return void response.end()
  }
  if (method === 'POST' && request.headers.authorization !== `Bearer ${token}`)
    return json(401, { error: 'Invalid credentials' })
  const read = () => JSON.parse(body.toString()) as Record<string, unknown>
  if (url === '/api/repos/create') {
    const { organization, name } = read() as { organization: string; name: string }
    if (organization !== 'me') return json(403, { error: 'not yours' })
    const id = `${organization}/${name}`
    if (repositories.has(id)) return json(409, { error: 'You already created this model repo' })
    created.push(read())
    repositories.set(id, new Map())
    return json(200, { url: `${hub}/${id}`, id })
  }
  const [, id = '', what = ''] =
    /^\/api\/models\/(\w+\/\w+)\/(preupload|commit)\/main$/.exec(url) ??
    /^\/(\w+\/\w+)\.git\/info\/lfs\/objects\/(batch)$/.exec(url) ??
    []
  const repository = repositories.get(id)
  if (what === 'preupload') {
    const { files } = read() as { files: { path: string }[] }
    return json(200, {
      files: files.map(({ path }) => ({
        path,
        uploadMode: /\.(safetensors|onnx)$/.test(path) ? 'lfs' : 'regular',
        shouldIgnore: false,
      })),
    })
  }
  if (what === 'batch') {
    const { objects } = read() as { objects: { oid: string; size: number }[] }
    const uploads = objects.map((object) => ({
      ...object,
      actions: { upload: { href: `${hub}/large/${object.oid}` } },
    }))
    return json(200, { transfer: 'basic', objects: uploads })
  }
  if (what === 'commit' && repository) {
    const lines = body
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: string; value: Record<string, string> })
    for (const { key, value } of lines) {
      const { path = '', oid = '', content = '' } = value
      if (key === 'lfsFile') repository.set(path, uploaded.get(oid) ?? Buffer.alloc(0))
      if (key === 'file') repository.set(path, Buffer.from(content, 'base64'))
    }
    return json(200, { success: true, commitOid: '1'.repeat(40), commitUrl: `${hub}/commit`, hookOutput: '' })
  }
  const [, from = '', path = ''] = /^\/(\w+\/\w+)\/resolve\/main\/(.+)$/.exec(url) ?? []
  const file = repositories.get(from)?.get(path)
  if (!file) {
    response.setHeader('x-error-code', repositories.has(from) ? 'EntryNotFound' : 'RepoNotFound')
    return json(404, { error: 'not found' })
  }
  const [first, last = file.length - 1] = (/^bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? ['', '0', ''])
    .slice(1)
    .map((text) => (text === '' ? undefined : Number(text)))
  response.writeHead(206, {
    etag: `"${createHash('sha256').update(file).digest('hex')}"`,
    'content-range': `bytes ${first}-${last}/${file.length}`,
  })
  response.end(file.subarray(first, last + 1))
}
const uploaded = new Map<string, Buffer>()
const server = createServer((request, response) => void answer(request, response))

const here = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  place.here(args, {
    env: { HF_ENDPOINT: hub, HF_HOME: join(folder, 'nobody'), HF_TOKEN: '', HF_TOKEN_PATH: '', ...env },
  })
const trainIt = (out: string, ...more: string[]) =>
  here(['train', '--model', 'linear', '--dataset', 'digits', '--epochs', '1', '--no-report', '--out', out, ...more])

beforeAll(async () => {
  place = await makeWorkplace('hub', { trainCount: 200, testCount: 50 })
  folder = place.folder
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  hub = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect((await trainIt('run', '--seed', '5', '--dataset', 'strokes#limit=200')).code).toBe(0)
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await place.remove()
})
beforeEach(() => {
  repositories = new Map()
})

test('push uploads the card, which --init hf: begins with', async () => {
  const { code, out, err } = await here(['push', 'run', 'me/digits', '--private', '--license', 'mit', '--json'], {
    HF_TOKEN: token,
  })
  expect([code, JSON.parse(out)], err).toMatchObject([0, { url: `${hub}/me/digits` }])
  expect(created.at(-1)).toMatchObject({ name: 'digits', organization: 'me', visibility: 'private' })
  const files = repositories.get('me/digits')
  expect([...(files?.keys() ?? [])].toSorted()).toEqual(
    [
      'README.md',
      'figures/accuracy.png',
      'figures/confusion.png',
      'model.onnx',
      'model.safetensors',
      'run.json',
    ].toSorted(),
  )
  expect(files?.get('README.md')?.toString()).toMatch(/^---\nlicense: "mit"\n/)
  expect((await trainIt('on', '--init', 'hf:me/digits')).code).toBe(0)
  expect((await trainIt('same', '--init', join('run', 'weights.safetensors'))).code).toBe(0)
  const weights = (run: string) => readFileSync(join(folder, run, 'weights.safetensors'))
  expect(weights('on')).toEqual(weights('same'))
  const again = await here(['push', 'run', 'me/digits'], { HF_TOKEN: token }) // into the one that is there
  expect([again.code, again.out]).toEqual([0, `pushed to ${hub}/me/digits\n`])
})

test('the token comes from its file as well', async () => {
  writeFileSync(join(folder, 'token'), `${token}\n`)
  expect((await here(['push', 'run', 'me/filed'], { HF_HOME: folder })).code).toBe(0)
})

test.each([
  ['no token', ['push', 'run', 'me/a'], {}, 'pushing needs a token of Hugging Face: set HF_TOKEN'],
  ['no token of theirs', ['push', 'run', 'me/a'], { HF_TOKEN: 'abc' }, 'must begin with hf_'],
  ['a wrong token', ['push', 'run', 'me/a'], { HF_TOKEN: 'hf_wrong' }, 'the token is missing, wrong or expired'],
  ["somebody else's", ['push', 'run', 'you/a'], { HF_TOKEN: token }, 'the token may not do that'],
  ['no name', ['push', 'run', 'digits'], { HF_TOKEN: token }, 'such as user/name, found "digits"'],
  [
    'no hub',
    ['push', 'run', 'me/a'],
    { HF_TOKEN: token, HF_ENDPOINT: 'http://127.0.0.1:2' },
    'could not reach Hugging Face',
  ],
  ['no run', ['push', 'nothing', 'me/a'], { HF_TOKEN: token }, 'nothing'],
  ['no repository', ['evaluate', 'hf:me/none', '--dataset', 'strokes'], {}, 'there is no such repository'],
  ['no model', ['evaluate', 'hf:none', '--dataset', 'strokes'], {}, 'such as hf:user/name, found "hf:none"'],
] as const)('%s is said in a sentence', async (_, args, env, sentence) => {
  const { code, err } = await here(args, env)
  expect([code, err]).toEqual([1, expect.stringContaining(sentence)])
})

test('a file that the repository has not is named', async () => {
  await here(['push', 'run', 'me/b'], { HF_TOKEN: token })
  const { code, err } = await here(['evaluate', 'hf:me/b/other.pth', '--dataset', 'strokes'])
  expect([code, err]).toEqual([1, expect.stringContaining('me/b has no other.pth on Hugging Face')])
})
