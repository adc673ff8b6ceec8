// Folders that may not be written to: as root none is, so that there the command is another user's.
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'

/** Nobody's, where this process is root's. */
const someone = process.getuid?.() === 0 ? { uid: 65534 } : {}

let place: Workplace
beforeAll(async () => {
  place = await makeWorkplace('read-only', { trainCount: 100, testCount: 20 })
  await chmod(place.folder, 0o777)
})
afterAll(() => place.remove())

const sweep = () =>
  place.digitlab(
    ['sweep', '--models', 'linear', '--seeds', '0,1', '--epochs', '1', '--dataset', './digits', '--out', 's1'],
    someone,
  )

test.skipIf(process.platform === 'win32')(
  'what may not be written is said, nothing is left behind, and the same command goes on afterwards',
  async () => {
    await mkdir(join(place.folder, 's1'))
    await chmod(join(place.folder, 's1'), 0o555)
    const refused = await sweep()
    expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/s1.*(EACCES|permission denied)/)])
    expect(await readdir(join(place.folder, 's1'))).toEqual([])
    await chmod(join(place.folder, 's1'), 0o777)
    await mkdir(join(place.folder, 's1', 'logs'))
    await chmod(join(place.folder, 's1', 'logs'), 0o555)
    const unlogged = await sweep()
    expect(unlogged.code, unlogged.err).toBe(1)
    expect(unlogged.err).toMatch(/could not write into s1\/logs \(EACCES.*: let it be written to/)
    await chmod(join(place.folder, 's1', 'logs'), 0o777)
    const done = await sweep()
    expect([done.code, done.out]).toEqual([0, expect.stringContaining('2 of 2 runs done')])
  },
  120_000,
)
