import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mayHaveNvidiaGpu } from './nvidia'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-pci-'))
  for (const [bus, vendor] of Object.entries({ intel: '0x8086', nvidia: '0x10de' })) {
    await mkdir(join(folder, bus, '0000:00:02.0'), { recursive: true })
    await writeFile(join(folder, bus, '0000:00:02.0', 'vendor'), `${vendor}\n`)
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a machine without a sign of an NVIDIA GPU is not told of one', () => {
  const none = { env: {}, platform: 'linux', bus: join(folder, 'intel'), files: [] }
  expect(mayHaveNvidiaGpu({}, none)).toBe(false)
  expect(mayHaveNvidiaGpu({}, { ...none, bus: join(folder, 'none') })).toBe(false)
  expect(mayHaveNvidiaGpu({}, { ...none, bus: join(folder, 'nvidia') })).toBe(true)
  expect(mayHaveNvidiaGpu({}, { ...none, files: [folder] })).toBe(true)
  expect(mayHaveNvidiaGpu({}, { ...none, env: { CUDA_VISIBLE_DEVICES: '0' } })).toBe(true)
  expect(mayHaveNvidiaGpu({}, { ...none, platform: 'win32' })).toBe(true)
  expect(mayHaveNvidiaGpu({ device: 0 }, none)).toBe(true)
  expect(mayHaveNvidiaGpu({ tf32: true }, none)).toBe(true)
})
