import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { isLock, lockFolder } from './folder-lock'

let place = ''
let folder = ''
let program = ''

// Another process, which takes the folder that it is given, says so, and holds it until it is ended.
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'digitlab-lock-'))
  program = join(place, 'hold.mjs')
  await build({
    stdin: {
      contents: `
        import { lockFolder } from './folder-lock'
        const lock = await lockFolder(process.argv[2]).catch((error) => { console.log(error.message); process.exit(1) })
        console.log('held', lock.takenFrom.join())
        process.stdin.on('data', () => lock.release().then(() => process.exit(0)))`,
      resolveDir: import.meta.dirname,
    },
    ...{ outfile: program, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' },
  })
})
afterAll(() => rm(place, { recursive: true, force: true }))
beforeEach(async () => {
  folder = await mkdtemp(join(place, 'run-'))
})

const locks = async () => (await readdir(folder)).filter(isLock)

const hold = async () => {
  const child = spawn(process.execPath, [program, folder])
  const ended = new Promise((resolve) => child.on('close', resolve))
  const said = await new Promise<string>((resolve) => {
    child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()))
    child.on('close', () => resolve(''))
  })
  return {
    said,
    pid: child.pid,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async release() {
      child.stdin.write('let go')
      await ended
    },
  }
}

/** A lock as a process that is gone would have left it, here or elsewhere. */
const leave = async ({ pid = 4_194_999, born = '1', host = hostname() } = {}) => {
  const path = join(folder, `.digitlab-lock-${pid}-${born}-${Date.parse(since)}-01234567-${host}`)
  await writeFile(path, '')
  return path
}
const since = '2026-11-26T00:00:00.000Z'

test('one process at a time: the other is told who, and gets it once that one lets go', async () => {
  const other = await hold()
  expect(other.said).toBe('held')
  await expect(lockFolder(folder, 'runs/a')).rejects.toThrow(
    new RegExp(`^runs/a is in use: process ${other.pid} \\(since 20.*Z\\) trains there`),
  )
  expect(await locks()).toHaveLength(1)
  await other.release()
  const lock = await lockFolder(folder)
  expect(lock.takenFrom).toEqual([])
  expect((await hold()).said).toContain(`is in use: process ${process.pid} `)
  await lock.release()
  expect(await readdir(folder)).toEqual([])
})

test('of a process that was killed the folder is taken over, and that is told', async () => {
  const other = await hold()
  await other.kill()
  expect(await locks()).toHaveLength(1)
  const lock = await lockFolder(folder)
  expect(lock.takenFrom).toEqual([expect.stringMatching(new RegExp(`^process ${other.pid} \\(since 20`)) as string])
  expect(await locks()).toHaveLength(1)
  await lock.release()
})

test('of processes that come at once at most one gets it, and whoever comes after them does', async () => {
  for (let round = 0; round < 3; round++) {
    const all = await Promise.all([1, 2, 3].map(hold))
    const having = all.filter(({ said }) => said === 'held')
    expect(having.length, all.map(({ said }) => said).join('\n')).toBeLessThanOrEqual(1)
    for (const { said } of all) expect(said).toMatch(/^held$|is in use/)
    await Promise.all(having.map((one) => one.kill()))
    const lock = await lockFolder(folder) // whatever they left
    await lock.release()
  }
})

test('a later process with the same pid is not taken for the one that is gone', async () => {
  await leave({ pid: process.pid })
  const lock = await lockFolder(folder)
  expect(lock.takenFrom).toEqual([`process ${process.pid} (since ${since})`])
  expect(await locks()).toHaveLength(1)
  await lock.release()
})

test('of another machine a lock holds while it is touched, and no longer', async () => {
  const path = await leave({ host: 'far-away' })
  await expect(lockFolder(folder)).rejects.toThrow('on far-away trains there')
  const before = new Date(Date.now() - 70_000)
  await utimes(path, before, before)
  expect((await lockFolder(folder)).takenFrom).toHaveLength(1)
})

test("files of others are nobody's lock", async () => {
  for (const name of ['.digitlab-lock', '.digitlab-lock-1-1-1-0-x', 'digitlab-lock-1-1-1-01234567-x'])
    await writeFile(join(folder, name), '')
  const lock = await lockFolder(folder)
  expect(lock.takenFrom).toEqual([])
  await lock.release()
  expect(await readdir(folder)).toHaveLength(3)
})

test('whoever lost the folder is told before it writes', async () => {
  const lock = await lockFolder(folder, 'runs/b')
  await lock.check()
  await rm(folder, { recursive: true })
  await expect(lock.check()).rejects.toThrow("runs/b is no longer this process's")
  await lock.release()
})
