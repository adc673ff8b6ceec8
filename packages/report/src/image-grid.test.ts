import { decode } from 'fast-png'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gridPng, imageGrid, ReportError, shrunkImages, terminalGrid, terminalPredictions } from './index'

describe('grids', () => {
  const images = Uint8Array.from({ length: 3 * 4 }, (_, i) => (i < 4 ? 0 : i < 8 ? 255 : 128)) // 2 x 2 pixels each

  test('a PNG holds every image, dark on white, with its caption', () => {
    const grid = imageGrid(images, { height: 2, width: 2, columns: 3, scale: 4, captions: ['1', '2', '3'] })
    const read = decode(gridPng(grid))
    expect([read.width, read.height, read.channels]).toEqual([grid.width, grid.height, 1])
    expect([...read.data]).toEqual([...grid.pixels])
    const at = (x: number, y: number) => grid.pixels[y * grid.width + x]
    expect([at(16, 16), at(16 + 24, 16), at(16 + 48, 16)]).toEqual([255, 0, 127])
    const captionRows = grid.pixels.subarray((16 + 8) * grid.width)
    expect(captionRows.some((pixel) => pixel === 40)).toBe(true)
  })

  test('a terminal gets two pixels a character, in shades or in characters', () => {
    const plain = terminalGrid(images, {
      height: 2,
      width: 2,
      colour: 'none',
      terminalWidth: 80,
      labels: ['a', 'b', 'c'],
    })
    expect(plain).toBe('   @@ ++\na  b  c')
    const coloured = terminalGrid(images, { height: 2, width: 2, colour: 'truecolor', terminalWidth: 5 })
    expect(coloured.split('\n')).toEqual([expect.any(String), '', expect.any(String)]) // two images a line
    expect(coloured).toContain('\u001b[38;2;255;255;255m\u001b[48;2;255;255;255m▀')
    expect(coloured.endsWith('\u001b[0m')).toBe(true)
  })

  test('columns are as many as asked for, no more than fit, and apart', () => {
    const grid = (columns: number, terminalWidth: number) =>
      terminalGrid(images, { height: 2, width: 2, colour: 'none', terminalWidth, columns }).split('\n')
    expect(grid(1, 80)).toEqual(['', '', '@@', '', '++'])
    expect(grid(3, 80)).toEqual(['   @@ ++'])
    expect(grid(3, 5)).toEqual(['   @@', '', '++'])
  })

  test('what is drawn in colour is the image, pixel for pixel', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.infiniteStream(fc.constantFrom(0, 128, 255)),
        (height, width, shades) => {
          const image = Uint8Array.from({ length: height * width }, () => shades.next().value as number)
          const drawn = terminalGrid(image, { height, width, colour: 'truecolor' })
          const read = new Uint8Array(2 * Math.ceil(height / 2) * width)
          drawn.split('\n').forEach((line, row) => {
            let [upper, lower, x] = [0, 0, 0]
            // eslint-disable-next-line no-control-regex -- these are the terminal's own
            for (const [token, what, shade] of line.matchAll(/\u001b\[(?:(38|48);2;(\d+);\d+;\d+|0)m|▀/g)) {
              if (what === '38') upper = Number(shade)
              else if (what === '48') lower = Number(shade)
              else if (token === '▀') {
                read[2 * row * width + x] = upper
                read[(2 * row + 1) * width + x++] = lower
              }
            }
          })
          expect([...read.subarray(0, image.length)]).toEqual([...image])
        },
      ),
    )
  })

  test('captions are drawn in the largest size in which the longest fits', () => {
    const blank = new Uint8Array(2 * 28 * 28)
    const ink = (captions: string[]) =>
      imageGrid(blank, { height: 28, width: 28, captions }).pixels.filter((pixel) => pixel === 40).length
    expect(ink(['1', '1'])).toBe(2 * 10 * 2 * 2) // ten dots each, two by two pixels
    expect(ink(['1', 'ankle boot'])).toBe(10 + ink(['', 'ankle boot']))
    expect(ink(['', 'x'.repeat(50)])).toBe(ink(['', 'x'.repeat(14)])) // what does not fit is cut off
  })

  test('an odd height ends with background', () => {
    expect(terminalGrid(Uint8Array.of(255, 255, 255), { height: 3, width: 1, colour: 'none', terminalWidth: 9 })).toBe(
      '@\n=',
    )
  })

  test('what is no image is refused', () => {
    expect(() => imageGrid(new Uint8Array(5), { height: 2, width: 2 })).toThrow(
      'expected whole images of 2 x 2, found 5 bytes',
    )
    expect(() => imageGrid(images, { height: 2, width: 2, captions: [] })).toThrow(
      'expected a caption for each of 3 images, found 0',
    )
    expect(() => terminalGrid(images, { height: 2, width: 2, colour: 'none', labels: ['a'] })).toThrow(ReportError)
    for (const wrong of [{ columns: 0 }, { columns: NaN }, { scale: 1.5 }, { scale: -1 }, { height: 0 }])
      expect(() => imageGrid(images, { height: 2, width: 2, ...wrong })).toThrow(ReportError)
  })

  test('an image is made smaller by the mean of its pixels', () => {
    const pixels = Uint8Array.of(0, 100, 7, 100, 200, 7, 7, 7, 7)
    expect(shrunkImages({ pixels, height: 3, width: 3 }, 2)).toEqual({
      pixels: Uint8Array.of(100),
      height: 1,
      width: 1,
    })
    expect(shrunkImages({ pixels, height: 3, width: 3 }, 1).pixels).toEqual(pixels)
    expect(() => shrunkImages({ pixels, height: 3, width: 3 }, 4)).toThrow('at least 4 x 4, found 3 x 3')
  })

  test('predictions in a terminal: each image with its classes, a cross for a mistake, red where there is colour', () => {
    const two = { pixels: new Uint8Array(2 * 28 * 28), height: 28, width: 28 }
    const predictions = {
      labels: [7, 1],
      before: [2, 1],
      after: [7, 1],
      probabilities: new Array<number>(20).fill(0.1),
    }
    const draw = (when: 'before' | 'after', colour: 'none' | 'truecolor') =>
      terminalPredictions(two, predictions, when, { colour })
    expect(draw('before', 'none')).toMatch(/^before training: 1 of 2 right\n/)
    expect(draw('before', 'none')).toContain('T:7 P:2 \u00d7')
    expect(draw('before', 'none')).not.toContain('\u001b')
    expect(draw('before', 'truecolor')).toContain('\u001b[1;38;2;226;74;51m  T:7 P:2 \u00d7   \u001b[0m')
    expect(draw('after', 'none')).toMatch(/^after training: 2 of 2 right\n/)
    expect(draw('after', 'truecolor')).not.toContain('226;74;51')
  })
})
