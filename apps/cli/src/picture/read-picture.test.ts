import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32, deflateSync } from 'node:zlib'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { damagedFiles, expectReadOrRefused } from '../../../../tooling/vitest/damaged.ts'
import { expectBounded, hostileReader } from '../../../../tooling/vitest/hostile.ts'
import { UsageError } from '../usage-error'
import { decodePicture, readPicture } from './read-picture'

const samples = fileURLToPath(new URL('../../test-data/pictures', import.meta.url))
const files = await readdir(samples)
const sample = (name: string) => readFile(join(samples, name))
const everything = process.env['DIGITLAB_ALL'] === '1'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-pictures-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Of 5000 x 5000 pixels of 4 bytes, which a decoder has as RGB, as RGBA, and in a copy on either side of WebAssembly. */
const asked = 4 * 4 * 5000 * 5000

let reader: Awaited<ReturnType<typeof hostileReader>>
beforeAll(async () => {
  reader = await hostileReader<{ decodePicture: typeof decodePicture }>(
    new URL('../testing/picture-reader.ts', import.meta.url),
    async ({ decodePicture }, bytes) => {
      const { rgba, width, height } = await decodePicture(bytes, 'x')
      if (rgba.length !== 4 * width * height) throw new Error(`${rgba.length} bytes of ${width} x ${height}`)
    },
  )
})
afterAll(() => reader.close())

type Colour = readonly [number, number, number]
const [red, green, blue, white]: Colour[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
] as never
const luma = (colour: Colour): Colour => {
  const grey = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
  return [grey, grey, grey]
}

/** The colours in the middle of the four fields: of the upright picture the left two are 32 of 48 pixels wide. */
const fieldsOf = ({ rgba, width, height }: { rgba: Uint8Array; width: number; height: number }) =>
  [
    [0.25, 0.25],
    [0.9, 0.25],
    [0.25, 0.75],
    [0.9, 0.75],
  ].map(([x = 0, y = 0]) => {
    const at = 4 * (Math.floor(y * height) * width + Math.floor(x * width))
    return [...rgba.subarray(at, at + 4)]
  })

const expectFields = (picture: { rgba: Uint8Array; width: number; height: number }, wanted: readonly Colour[]) => {
  const found = fieldsOf(picture)
  wanted.forEach((colour, i) => {
    const apart = Math.max(...colour.map((value, channel) => Math.abs(value - (found[i]?.[channel] ?? NaN))))
    expect(apart, `field ${i}: ${found[i]?.join()} for ${colour.join()}`).toBeLessThan(12)
    expect(found[i]?.[3]).toBe(255)
  })
}

/** What a sample's four fields hold once it is upright. */
const wantedOf = (name: string): Colour[] => {
  const colours: Colour[] = [red, green, blue, white] as Colour[]
  return name.startsWith('grey') ? colours.map(luma) : colours
}

describe('every format', () => {
  test.each(files.filter((name) => !name.startsWith('turned')))('%s', async (name) => {
    const picture = await readPicture(join(samples, name))
    expect([picture.width, picture.height, picture.rgba.length]).toEqual([48, 32, 4 * 48 * 32])
    expectFields(picture, wantedOf(name))
  })
})

/** Where a stored pixel belongs in the upright picture. Exif says for 6: "the 0th row is the right side, the 0th column the top". */
const places: Record<number, (x: number, y: number) => [number, number]> = {
  1: (x, y) => [x, y],
  2: (x, y) => [47 - x, y],
  3: (x, y) => [47 - x, 31 - y],
  4: (x, y) => [x, 31 - y],
  5: (x, y) => [y, x],
  6: (x, y) => [31 - y, x],
  7: (x, y) => [31 - y, 47 - x],
  8: (x, y) => [y, 47 - x],
}

describe("how a camera was held is told by Exif's orientation", () => {
  // PNG has it in a chunk "eXIf", JPEG in APP1, WebP in a chunk "EXIF"; each sample says 6.
  test.each(files.filter((name) => name.startsWith('turned')))('%s, all eight', async (name) => {
    const bytes = await sample(name)
    const plain = await decodePicture(oriented(bytes, 1), name)
    expectFields(plain, wantedOf(name))
    for (const [orientation, place] of Object.entries(places)) {
      const found = await decodePicture(oriented(bytes, Number(orientation)), name)
      expect([found.width, found.height]).toEqual(Number(orientation) >= 5 ? [32, 48] : [48, 32])
      const wanted = new Uint8Array(plain.rgba.length)
      for (let y = 0; y < 32; y++)
        for (let x = 0; x < 48; x++) {
          const [column, row] = place(x, y)
          const from = 4 * (48 * y + x)
          wanted.set(plain.rgba.subarray(from, from + 4), 4 * (found.width * row + column))
        }
      expect(Buffer.compare(found.rgba, wanted), `orientation ${orientation}`).toBe(0)
    }
  })
})

/** The same file with another orientation: the entry of tag 0x0112, type 3, count 1. */
const oriented = (bytes: Buffer, orientation: number): Buffer => {
  const result = Buffer.from(bytes)
  for (const [tag, write] of [
    [Buffer.from([0x01, 0x12, 0, 3, 0, 0, 0, 1]), (at: number) => result.writeUInt16BE(orientation, at)],
    [Buffer.from([0x12, 0x01, 3, 0, 1, 0, 0, 0]), (at: number) => result.writeUInt16LE(orientation, at)],
  ] as const) {
    const at = result.indexOf(tag)
    if (at >= 0) write(at + 8)
  }
  return result
}

const chunk = (type: string, body: Uint8Array): Buffer => {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  check.writeUInt32BE(crc32(content))
  return Buffer.concat([length, content, check])
}
const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const ihdr = (width: number, height: number, depth = 8, colour = 0): Buffer => {
  const body = Buffer.alloc(13)
  body.writeUInt32BE(width, 0)
  body.writeUInt32BE(height, 4)
  body.set([depth, colour], 8)
  return chunk('IHDR', body)
}
/** A grey PNG file of a size, whose rows hold what is given. */
const png = (width: number, height: number, rows: Uint8Array, ...before: Buffer[]): Buffer =>
  Buffer.concat([
    signature,
    ihdr(width, height),
    ...before,
    chunk('IDAT', deflateSync(rows, { level: 1 })),
    chunk('IEND', new Uint8Array(0)),
  ])

describe('PNG', () => {
  test.each([0, 2, 4, 6] as const)('colour type %d', async (colorType) => {
    const picture = new PNG({ width: 7, height: 5 })
    picture.data.forEach((_, i) => (picture.data[i] = i % 4 === 3 ? 255 : 20 * Math.floor(i / 4 / 7)))
    const { rgba, width, height } = await decodePicture(
      PNG.sync.write(picture, { colorType, inputHasAlpha: true }),
      'x',
    )
    expect([width, height, rgba.length]).toEqual([7, 5, 140])
    expect([...rgba.subarray(28, 32)]).toEqual([20, 20, 20, 255])
  })
  test('bytes after its end are no damage', async () => {
    const bytes = await sample('rgb.png')
    expect(await decodePicture(Buffer.concat([bytes, Buffer.from('and more')]), 'x')).toEqual(
      await decodePicture(bytes, 'x'),
    )
  })
  test.each(['lossless.webp', 'lossy.webp', 'baseline.jpg', 'progressive.jpg', 'plain.gif', 'rgb.bmp', 'rgb.png'])(
    '%s without its last third is damaged',
    async (name) => {
      const bytes = await sample(name)
      await expect(decodePicture(bytes.subarray(0, (bytes.length * 2) / 3), name)).rejects.toThrow(
        `${name} is a damaged`,
      )
    },
  )
  test('one with half its rows is damaged', async () => {
    const half = png(64, 64, new Uint8Array(65 * 32).fill(0))
    await expect(decodePicture(half, 'half.png')).rejects.toThrow('half.png is a damaged PNG file')
    await expect(decodePicture(png(64, 64, new Uint8Array(65 * 64)), 'x')).resolves.toMatchObject({ width: 64 })
  })
})

test('what is no picture is said to be what it is', async () => {
  const cases: [Uint8Array, string][] = [
    [Buffer.from('II*\0 and so on'), 'x is a TIFF file, which is not read: save it as PNG, JPEG, WebP, GIF or BMP'],
    [Buffer.from('\0\0\0\x18ftypheic'), 'x is a HEIC file'],
    [Buffer.from('%PDF-1.7'), 'x is a PDF file'],
    [Buffer.from('hello'), 'x is not a picture in a supported format'],
    [new Uint8Array(0), 'x is not a picture'],
    [
      Buffer.concat([signature, ihdr(0x7fffffff, 5)]),
      'x is a picture of 2147483647 x 5, expected sides from 1 to 16384',
    ],
    [Buffer.concat([signature, ihdr(33_554_432, 1)]), 'x is a picture of 33554432 x 1'],
    [Buffer.concat([signature, ihdr(16_000, 16_000)]), 'at most 25000000 pixels'],
    [Buffer.concat([signature, ihdr(5, 0)]), 'x is a picture of 5 x 0'],
  ]
  for (const [bytes, sentence] of cases) await expect(decodePicture(bytes, 'x')).rejects.toThrow(sentence)
  await expect(decodePicture(new Uint8Array(0), 'x')).rejects.toThrow(UsageError)
})

test('a folder, a missing file and a pipe without a writer end in a sentence', async ({ skip }) => {
  await mkdir(join(folder, 'a.png'))
  await expect(readPicture(join(folder, 'a.png'))).rejects.toThrow('it is a folder')
  await expect(readPicture(join(folder, 'none.png'))).rejects.toThrow('could not read')
  if (process.platform === 'win32') return skip('Windows has no such pipes')
  execFileSync('mkfifo', [join(folder, 'pipe.png')])
  await expect(readPicture(join(folder, 'pipe.png'))).rejects.toThrow('it is not a regular file')
})

describe('bombs', () => {
  const rows = (width: number, height: number) => new Uint8Array((width + 1) * height)
  const bmp = (width: number, height: number): Buffer => {
    const bytes = Buffer.alloc(200)
    bytes.write('BM')
    bytes.writeUInt32LE(200, 2)
    bytes.writeUInt32LE(58, 10)
    bytes.writeUInt32LE(40, 14)
    bytes.writeInt32LE(width, 18)
    bytes.writeInt32LE(height, 22)
    bytes.writeUInt16LE(1, 26)
    bytes.writeUInt16LE(8, 28)
    bytes.writeUInt32LE(1, 30) // run-length encoded
    bytes.writeUInt32LE(1, 46)
    return bytes
  }
  const sized = async (name: string, at: number, width: number, height: number, bigEndian: boolean) => {
    const bytes = Buffer.from(await sample(name))
    if (bigEndian) {
      bytes.writeUInt16BE(height, at)
      bytes.writeUInt16BE(width, at + 2)
    } else {
      bytes.writeUInt16LE(width, at)
      bytes.writeUInt16LE(height, at + 2)
    }
    return bytes
  }

  test('none takes more than it says', { timeout: 300_000 }, async () => {
    const frame = (await sample('baseline.jpg')).indexOf(Buffer.from([0xff, 0xc0])) + 5
    const scans = (await sample('progressive.jpg')).indexOf(Buffer.from([0xff, 0xc2])) + 5
    const bombs: Record<string, [Buffer, number]> = {
      'a PNG of 33,554,432 x 1': [png(33_554_432, 1, rows(33_554_432, 1)), 0],
      'a PNG of 8 x 8 with 200 MB in its rows': [png(8, 8, new Uint8Array(200 * 2 ** 20)), 0],
      'a PNG of 8 x 8 with 200 MB of packed text': [
        png(
          8,
          8,
          rows(8, 8),
          chunk(
            'zTXt',
            Buffer.concat([Buffer.from('x\0\0'), deflateSync(new Uint8Array(200 * 2 ** 20), { level: 1 })]),
          ),
        ),
        0,
      ],
      'a PNG of 5000 x 5000, empty': [png(5000, 5000, rows(5000, 5000)), asked],
      'a JPEG of 65,500 x 65,500': [await sized('baseline.jpg', frame, 65_500, 65_500, true), 0],
      'a JPEG of 5000 x 5000 that breaks off': [await sized('baseline.jpg', frame, 5000, 5000, true), asked],
      'a progressive JPEG of 5000 x 5000 that breaks off': [
        await sized('progressive.jpg', scans, 5000, 5000, true),
        asked,
      ],
      'a GIF of 65,535 x 65,535': [await sized('plain.gif', 6, 65_535, 65_535, false), 0],
      'a BMP of 5000 x 5000 in 200 bytes': [bmp(5000, 5000), asked],
      'a BMP of 2,147,483,647 x 2': [bmp(2_147_483_647, 2), 0],
    }
    for (const [name, [file, most]] of Object.entries(bombs)) {
      const reading = await reader.read(file)
      expect(reading.outcome, name).toBe(most === 0 && !name.includes('8 x 8') ? 'refused' : reading.outcome)
      expectBounded(reading, file, most)
    }
  })
})

test(
  'whatever is damaged in a file of any format, it is read or refused with a sentence',
  { timeout: 600_000 },
  async () => {
    const originals = await Promise.all(files.map(async (name) => [name, await sample(name)] as const))
    const damaged = damagedFiles(Object.fromEntries(originals), everything ? 4000 : 300, resealed)
    await expectReadOrRefused(reader, damaged, asked)
  },
)

/** Gives the chunks of a PNG file right checksums again, so that what was changed in them is looked at. */
const resealed = (bytes: Buffer): Buffer => {
  if (!bytes.subarray(0, 8).equals(signature)) return bytes
  const result = Buffer.from(bytes)
  for (let at = 8; at + 12 <= result.length;) {
    const end = at + 12 + result.readUInt32BE(at)
    if (end > result.length) break
    result.writeUInt32BE(crc32(result.subarray(at + 4, end - 4)), end - 4)
    at = end
  }
  return result
}
