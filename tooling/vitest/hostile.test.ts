import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { damagedFiles, expectReadOrRefused, madeFiles } from './damaged'
import { expectBounded, hostileReader } from './hostile'

interface Reader {
  readonly take: (bytes: Uint8Array) => unknown
}

let folder = ''
let source: URL
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-reader-'))
  const path = join(folder, 'reader.ts')
  // What the file asks for, in its first byte: megabytes outside the heap, objects in it, time, a refusal, or for ever.
  writeFileSync(
    path,
    `class Refused extends Error { readonly mendable = true }
    export const take = (bytes: Uint8Array): unknown => {
      const [kind, much = 0] = bytes
      if (kind === 0) return new Uint8Array(much * 2 ** 20).fill(1).length
      if (kind === 1) { const all: object[] = []; for (;;) all.push({ all }) }
      if (kind === 2) {
        const spent = () => process.cpuUsage().user + process.cpuUsage().system
        while (spent() < 100_000 * much);
        return
      }
      if (kind === 4) return new Promise(() => setInterval(() => {}, 1000))
      if (kind === 3) throw new Refused('no such kind')
      throw new TypeError('a bug')
    }`,
  )
  source = pathToFileURL(path)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('what a reader takes of memory is seen, and what ends its process', async () => {
  const reader = await hostileReader<Reader>(source, ({ take }, bytes) => take(bytes), { heap: 48, patience: 30 })
  try {
    const large = await reader.read(Uint8Array.of(0, 200))
    expect(large.outcome).toBe('read')
    expect(large.grown / 2 ** 20).toBeGreaterThan(195)
    expect(large.grown / 2 ** 20).toBeLessThan(230)
    expect(large.peak).toBeGreaterThan(large.grown)
    expect(() => expectBounded(large, Uint8Array.of(0, 200))).toThrow('may take 64 MB')
    expectBounded(large, Uint8Array.of(0, 200), 180 * 2 ** 20)
    expectBounded(await reader.read(Uint8Array.of(0, 30)), Uint8Array.of(0, 30))

    const full = await reader.read(Uint8Array.of(1))
    expect(full.outcome).toBe('killed')
    expect(full.message).toContain('heap out of memory')
    expect(() => expectBounded(full, Uint8Array.of(1))).toThrow('heap out of memory')

    const busy = await reader.read(Uint8Array.of(2, 30))
    expect(() => expectBounded(busy, Uint8Array.of(2, 30))).toThrow('computed for')

    const refused = await reader.read(Uint8Array.of(3))
    expect(refused).toMatchObject({ outcome: 'refused', message: 'no such kind' })
    expectBounded(refused, Uint8Array.of(3))
    const failed = await reader.read(Uint8Array.of(9))
    expect(failed).toMatchObject({ outcome: 'failed', message: expect.stringContaining('TypeError: a bug') as string })
    expect(() => expectBounded(failed, Uint8Array.of(9))).toThrow('a bug')
  } finally {
    await reader.close()
  }
})

test('of many files, the one that a reader never comes back from is named, with how it was made', async () => {
  const reader = await hostileReader<Reader>(source, ({ take }, bytes) => take(bytes), { patience: 8 })
  try {
    const sound = madeFiles('sound', fc.constantFrom(Uint8Array.of(0, 1), Uint8Array.of(3)), 20)
    await expectReadOrRefused(reader, sound)
    const endless = madeFiles('made', fc.constant(Uint8Array.of(4)), 1)
    await expect(expectReadOrRefused(reader, [...sound, ...endless, ...sound])).rejects.toThrow(
      /^made 0 of seed \d+: killed: no answer within 8 s.*\n.*BA==$/s,
    )
    await expect(expectReadOrRefused(reader, madeFiles('made', fc.constant(Uint8Array.of(9)), 1))).rejects.toThrow(
      /^made 0 of seed \d+: failed: TypeError: a bug/,
    )
  } finally {
    await reader.close()
  }
})

test('what is damaged differs from what it was, and is the same for the same seed', () => {
  const whole = Uint8Array.from({ length: 300 }, (_, i) => i)
  const [damaged, again] = [damagedFiles({ whole }, 200), damagedFiles({ whole }, 200)]
  expect(again).toEqual(damaged)
  const changed = damaged.filter(({ bytes }) => !Buffer.from(whole).equals(bytes))
  expect(changed.length).toBeGreaterThan(190)
})
