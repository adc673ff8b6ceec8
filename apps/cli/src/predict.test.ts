// Pictures of digits that a trained net reads.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { draw, shapes } from './testing/drawn-digit'
import { runHere } from './testing/in-process'

const data = (name: string) => fileURLToPath(new URL(`../../../packages/weights/test-data/${name}`, import.meta.url))
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-predict-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Within this process: what is tested is what the command says and writes. */
const digitlab = (...args: string[]) =>
  runHere(folder, args, { DIGITLAB_DATA: mnistFolder() ?? '', DIGITLAB_MIRROR: 'http://127.0.0.1:2' })

/** Runs a command that must succeed, and reads its JSON. */
const answer = async (...args: string[]): Promise<unknown> => {
  const { code, out, err } = await digitlab(...args, '--json')
  expect(code, err).toBe(0)
  return JSON.parse(out)
}

describe('predict', () => {
  test('clean digits at other sizes, dark on light, light on dark, on a transparent sheet', async () => {
    const wanted: Record<string, number> = {}
    for (const digit of Object.keys(shapes))
      for (const [kind, size, options] of [
        ['small', 16, {}],
        ['mid', 60, { dark: false }],
        ['large', 300, {}],
        ['clear', 120, { transparent: true }],
      ] as const) {
        const name = `${digit}-${kind}.png`
        await writeFile(join(folder, name), draw(digit, size, options))
        wanted[name] = Number(digit)
      }
    const { predictions } = (await answer('predict', data('cnn.pth'), ...Object.keys(wanted))) as {
      predictions: { image: string; class: number; probabilities: number[] }[]
    }
    expect(Object.fromEntries(predictions.map((found) => [found.image, found.class]))).toEqual(wanted)
    for (const { probabilities } of predictions)
      expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5)
    const { out } = await digitlab('predict', data('cnn.pth'), '3-mid.png')
    expect(out).toMatch(/^3-mid\.png +3 +\d/m)
  })

  test('what can be read is read, what cannot is said beside it, and two digits as well', async () => {
    await writeFile(join(folder, 'good.png'), draw('3', 60))
    const [left, right] = [PNG.sync.read(draw('1', 60)), PNG.sync.read(draw('7', 60))]
    const pair = new PNG({ width: left.width + right.width, height: Math.max(left.height, right.height) })
    pair.data.fill(255)
    for (const [picture, at] of [
      [left, 0],
      [right, left.width],
    ] as const)
      PNG.bitblt(picture, pair, 0, 0, picture.width, picture.height, at, 0)
    await writeFile(join(folder, 'pair.png'), PNG.sync.write(pair))
    const { code, out, err } = await digitlab('predict', data('cnn.pth'), 'good.png', 'none.png', 'pair.png', '--json')
    const { predictions, unread } = JSON.parse(out) as {
      predictions: { image: string; class: number; doubt?: string }[]
      unread: { image: string; reason: string }[]
    }
    expect(code).toBe(1)
    expect(predictions.map(({ image }) => image)).toEqual(['good.png', 'pair.png'])
    expect(predictions[0]).toMatchObject({ class: 3 })
    expect(predictions[0]?.doubt).toBeUndefined()
    expect(predictions[1]?.doubt).toMatch(/two|2/)
    expect(unread).toEqual([
      { image: 'none.png', reason: expect.stringContaining('could not read none.png') as string },
    ])
    expect(err).toContain('digitlab: could not read none.png')
    expect(err).toContain(`pair.png: ${predictions[1]?.doubt}`)
  })
})
