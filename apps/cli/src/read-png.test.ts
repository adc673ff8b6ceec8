import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readPng } from './read-png'
import { UsageError } from './usage-error'

let path = ''
beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'digitlab-png-')), 'x.png')
})
afterAll(() => rm(join(path, '..'), { recursive: true }))

const picture = (colorType: 0 | 2 | 4 | 6) => {
  const png = new PNG({ width: 7, height: 5 })
  png.data.forEach((_, i) => (png.data[i] = i % 4 === 3 ? 255 : 20 * Math.floor(i / 4 / 7)))
  return PNG.sync.write(png, { colorType, inputHasAlpha: true })
}

test.each([0, 2, 4, 6] as const)('colour type %d', async (colorType) => {
  await writeFile(path, picture(colorType))
  const { rgba, width, height } = await readPng(path)
  expect([width, height, rgba.length]).toEqual([7, 5, 140])
  expect([...rgba.subarray(28, 32)]).toEqual([20, 20, 20, 255])
})

test('a picture without end is refused before it is unpacked', async () => {
  const bytes = picture(6)
  bytes.writeUInt32BE(0x7fffffff, 16)
  await writeFile(path, bytes)
  await expect(readPng(path)).rejects.toThrow('is a picture of 2147483647 x 5, expected from 1 to 33554432 pixels')
})

test('whatever is flipped or cut, nothing but a UsageError comes out', async () => {
  const good = picture(6)
  const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(flips, fc.nat(good.length), async (flips, cut) => {
      const bytes = Buffer.from(good)
      for (const [at, value] of flips) bytes[at] = value
      for (const content of [bytes, bytes.subarray(0, cut)]) {
        await writeFile(path, content)
        await readPng(path).catch((error: unknown) => expect(error).toBeInstanceOf(UsageError))
      }
    }),
    { numRuns: 200 },
  )
})
