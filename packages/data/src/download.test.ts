import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { download } from './download'
import { DataError } from './index'
import { fetchDataset, verifyDataset } from './node'
import { withServer } from './testing/with-server'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-data-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251))
const expected = { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
/** A server that serves `content`, ranges included, and notes what was asked for. */
const serving =
  (ranges: (string | undefined)[] = []) =>
  (request: IncomingMessage, response: ServerResponse) => {
    const { range } = request.headers
    ranges.push(range)
    const start = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
    if (range) response.writeHead(206, { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` })
    response.end(content.subarray(start))
  }
const refused = 'http://127.0.0.1:2/' // nobody listens there

describe('download', () => {
  const target = () => join(folder, 'cache', 'file.gz')

  test('fetches, tells how it goes on, and leaves nothing but the file', async () => {
    const seen: number[] = []
    await withServer(serving(), (url) =>
      download([url], target(), expected, { onProgress: ({ received }) => seen.push(received) }),
    )
    expect(await readFile(target())).toEqual(content)
    expect(seen.at(-1)).toBe(content.length)
    expect(await readdir(join(folder, 'cache'))).toEqual(['file.gz'])
  })

  test('goes to the next mirror where one fails, and names each where all do', async () => {
    const wrong = (_: IncomingMessage, response: ServerResponse) => void response.end(content.subarray(1))
    const absent = (_: IncomingMessage, response: ServerResponse) => void response.writeHead(404).end('no')
    await withServer(wrong, (wrongUrl) =>
      withServer(absent, async (absentUrl) => {
        const failed = download([refused, wrongUrl, absentUrl], target(), expected)
        await expect(failed).rejects.toBeInstanceOf(DataError)
        await expect(failed).rejects.toThrow(
          /could not download file\.gz \(http:\/\/127\.0\.0\.1:2\/: .*ECONNREFUSED.*; .*expected 200000 bytes, found 199999; .*it answered 404 Not Found\)/,
        )
        expect(existsSync(target())).toBe(false)
        await withServer(serving(), (url) => download([refused, wrongUrl, url], target(), expected))
        expect(await readFile(target())).toEqual(content)
      }),
    )
  })

  test('goes on where a transfer was cut off', async () => {
    const ranges: (string | undefined)[] = []
    const cut = (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, 70_000), () => setTimeout(() => response.destroy(), 50))
    }
    await withServer(cut, (cutUrl) =>
      withServer(serving(ranges), async (url) => {
        await expect(download([cutUrl], target(), expected, { backoffMs: 10 })).rejects.toThrow('could not download')
        expect(await readdir(join(folder, 'cache'))).toEqual(['file.gz.part'])
        await download([url], target(), expected)
      }),
    )
    expect(ranges).toEqual(['bytes=70000-'])
    expect(await readFile(target())).toEqual(content)
  })

  test('keeps what it has where the next mirror lacks the file', async () => {
    await mkdir(join(folder, 'cache'))
    await writeFile(`${target()}.part`, content.subarray(0, 100))
    const ranges: (string | undefined)[] = []
    const absent = (_: IncomingMessage, response: ServerResponse) => void response.writeHead(404).end('no')
    await withServer(absent, (absentUrl) =>
      withServer(serving(ranges), (url) => download([absentUrl, url], target(), expected)),
    )
    expect(ranges).toEqual(['bytes=100-'])
    expect(await readFile(target())).toEqual(content)
  })

  test('a file without a published hash must at least be one of IDX', async () => {
    const page = (_: IncomingMessage, response: ServerResponse) => void response.end('<html>sign in first</html>')
    const env = (mirror: string) => ({ DIGITLAB_CACHE: join(folder, 'cache'), DIGITLAB_MIRROR: mirror })
    await withServer(page, async (url) => {
      const failed = fetchDataset('qmnist', { env: env(url) })
      await expect(failed).rejects.toBeInstanceOf(DataError)
      await expect(failed).rejects.toThrow('could not download qmnist-train-images-idx3-ubyte.gz')
    })
    const kept = join(folder, 'cache', 'qmnist')
    expect(await readdir(kept)).toEqual([])
    await writeFile(join(kept, 'qmnist-train-images-idx3-ubyte.gz'), '<html>sign in first</html>')
    const { whole, files } = await verifyDataset('qmnist', { env: env('') })
    expect([whole, files[0]?.status]).toEqual([false, 'wrong'])
  })

  test('a mirror that is no address, and a folder where a file should be, are said', async () => {
    const env = { DIGITLAB_CACHE: join(folder, 'cache'), DIGITLAB_MIRROR: 'not an address' }
    await expect(fetchDataset('mnist', { env })).rejects.toThrow(
      'expected an address such as https://example.org/datasets/ in DIGITLAB_MIRROR, found "not an address"',
    )
    await mkdir(join(target(), 'inside'), { recursive: true })
    const failed = withServer(serving(), (url) => download([url], target(), expected))
    await expect(failed).rejects.toBeInstanceOf(DataError)
    await expect(failed).rejects.toThrow('a folder is in the way of a file')
  })

  const answering = (...statuses: (number | 'reset')[]) => {
    const asked: number[] = []
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      const status = statuses[asked.length]
      asked.push(performance.now())
      if (status === undefined) return serving()(request, response)
      if (status === 'reset') return void request.socket.resetAndDestroy()
      response.writeHead(status, status === 429 ? { 'retry-after': '1' } : {}).end()
    }
    return { asked, answer }
  }

  test.each([[[500]], [[503, 502]], [['reset']], [['reset', 504]]] as const)(
    'asks again where a single mirror answers %j',
    async (statuses) => {
      const { asked, answer } = answering(...statuses)
      await withServer(answer, (url) => download([url], target(), expected, { backoffMs: 10 }))
      expect(asked).toHaveLength(statuses.length + 1)
      expect(await readFile(target())).toEqual(content)
    },
  )

  test('waits as long as a mirror asks for, if that is not long, and can be stopped then', async () => {
    const busy = answering(429)
    await withServer(busy.answer, (url) => download([url], target(), expected, { backoffMs: 10 }))
    expect((busy.asked[1] ?? 0) - (busy.asked[0] ?? 0)).toBeGreaterThan(990)
    await rm(target())
    const closed = (_: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(429, { 'retry-after': new Date(Date.now() + 7_200_000).toUTCString() }).end()
    await withServer(closed, (url) =>
      expect(download([url], target(), expected)).rejects.toThrow(
        /it answered 429 Too Many Requests and asks to wait 7\d\d\d s/,
      ),
    )
    const reason = new Error('enough')
    const controller = new AbortController()
    await withServer(answering(500, 500, 500).answer, (url) => {
      setTimeout(() => controller.abort(reason), 100)
      const stopped = download([url], target(), expected, { backoffMs: 600_000, signal: controller.signal })
      return expect(stopped).rejects.toBe(reason)
    })
  })

  test('gives up after a few tries, and asks only once what will not change', async () => {
    for (const [status, times] of [
      [500, 3],
      [404, 1],
      [403, 1],
    ] as const) {
      const { asked, answer } = answering(...new Array<number>(9).fill(status))
      await withServer(answer, (url) =>
        expect(download([url], target(), expected, { backoffMs: 5 })).rejects.toThrow(`it answered ${status}`),
      )
      expect(asked, `${status}`).toHaveLength(times)
    }
  })

  test('a mirror that drips is left, and the next one goes on from there', async () => {
    const drips = (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'content-length': content.length })
      const timer = setInterval(() => response.write(content.subarray(0, 1)), 20)
      response.on('close', () => clearInterval(timer))
    }
    const slowest = { bytes: 10_000, withinMs: 300 }
    await withServer(drips, (url) =>
      expect(download([url], target(), expected, { slowest })).rejects.toThrow(
        /expected at least 10000 bytes within 0\.3 s, \d+ came/,
      ),
    )
  })

  test('a partial file that is a link is not followed, and those of processes that are gone are cleared', async () => {
    const cache = join(folder, 'cache')
    await mkdir(cache)
    const victim = join(folder, 'victim')
    await writeFile(victim, 'mine')
    const left = (n: number) => join(cache, `file.gz.${999999990 + n}-00ff00ff.part`)
    await symlink(victim, `${target()}.part`)
    await symlink(victim, left(0))
    await link(victim, left(1))
    await writeFile(left(2), content.subarray(0, 100))
    await writeFile(left(3), content.subarray(0, 200))
    await writeFile(join(cache, `file.gz.${process.ppid}-00ff00ff.part`), 'of a running process')
    await writeFile(join(cache, 'file.gz.mine.part'), "a user's own")
    await mkdir(join(cache, 'file.gz.999999994-00ff00ff.part'))
    await withServer(serving(), (url) => download([url], target(), expected))
    expect(await readFile(target())).toEqual(content)
    expect(await readFile(victim, 'utf8')).toBe('mine')
    expect((await readdir(cache)).sort()).toEqual(
      [
        'file.gz',
        `file.gz.${process.ppid}-00ff00ff.part`,
        'file.gz.999999994-00ff00ff.part',
        'file.gz.mine.part',
      ].sort(),
    )
  })

  test('starts again where a partial file is of something else, or the server knows no ranges', async () => {
    await mkdir(join(folder, 'cache'))
    await writeFile(`${target()}.part`, Buffer.alloc(100))
    await withServer(serving(), (url) => download([url], target(), expected))
    expect(await readFile(target())).toEqual(content)
    await rm(target())
    await writeFile(`${target()}.part`, content.subarray(0, 100))
    await withServer(
      (_, response) => void response.end(content),
      (url) => download([url], target(), expected),
    )
    expect(await readFile(target())).toEqual(content)
    await rm(target())
    await writeFile(`${target()}.part`, content.subarray(0, 100))
    const no416 = (request: IncomingMessage, response: ServerResponse) =>
      void (request.headers.range ? response.writeHead(416).end() : response.end(content))
    await withServer(no416, (url) => download([url], target(), expected))
    expect(await readFile(target())).toEqual(content)
  })

  test('gives up on a server that says nothing, and on one that never ends', async () => {
    await withServer(
      () => {},
      async (url) => {
        await expect(download([url], target(), expected, { timeoutMs: 200 })).rejects.toThrow('no answer within 0.2 s')
      },
    )
    const endless = (_: IncomingMessage, response: ServerResponse) => {
      const more = () => void (response.destroyed || response.write(content, more))
      more()
    }
    await withServer(endless, async (url) => {
      await expect(download([url], target(), expected)).rejects.toThrow('expected 200000 bytes, it sends more')
    })
    expect(await readdir(join(folder, 'cache'))).toEqual([])
  })

  test('stops when told to, and goes on from there later', async () => {
    const controller = new AbortController()
    const slow = (_: IncomingMessage, response: ServerResponse) => void response.write(content.subarray(0, 50_000))
    await withServer(slow, async (url) => {
      const stopped = download([url], target(), expected, {
        signal: controller.signal,
        onProgress: ({ received }) => received >= 50_000 && controller.abort(),
      })
      await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
      await expect(stopped).rejects.toBe(controller.signal.reason)
    })
    const ranges: (string | undefined)[] = []
    await withServer(serving(ranges), (url) => download([url], target(), expected))
    expect(ranges).toEqual(['bytes=50000-'])
  })

  test('many at once do not get into each other, and take over what a dead process left', async () => {
    await mkdir(join(folder, 'cache'))
    await writeFile(join(folder, 'cache', 'file.gz.999999999-00ff00ff.part'), content.subarray(0, 1000))
    await withServer(serving(), (url) =>
      Promise.all(Array.from({ length: 8 }, () => download([url], target(), expected))),
    )
    expect(await readFile(target())).toEqual(content)
    expect(await readdir(join(folder, 'cache'))).toEqual(['file.gz'])
  })

  test('a folder that cannot be written is said, with what to do', async () => {
    await writeFile(join(folder, 'cache'), 'a file in the way')
    const failed = withServer(serving(), (url) => download([url], target(), expected))
    await expect(failed).rejects.toBeInstanceOf(DataError)
    await expect(failed).rejects.toThrow(/could not write .*file\.gz/)
  })
})
