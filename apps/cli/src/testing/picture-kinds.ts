// Pictures of digits as people have them: scanned, photographed, cut out of a screen, written on lined paper.
import type { MersenneTwister } from '@digitlab/random'

/** A picture as a canvas gives it: [height, width, 4]. */
export interface Picture {
  readonly rgba: Uint8Array
  readonly width: number
  readonly height: number
}

/** Grey levels of a picture, [side, side]. */
interface Page {
  readonly grey: Float32Array
  readonly side: number
}

/** A digit of MNIST, [28, 28] with ink at 255, drawn dark on a white page at `size` pixels, smoothly. */
export const pageWith = (digit: Uint8Array, side: number, size: number, left: number, top: number): Page => {
  const grey = new Float32Array(side * side).fill(255)
  const at = (column: number, row: number) =>
    column < 0 || row < 0 || column > 27 || row > 27 ? 0 : (digit[row * 28 + column] ?? 0)
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const [column, row] = [((x + 0.5) * 28) / size - 0.5, ((y + 0.5) * 28) / size - 0.5]
      const [c, r] = [Math.floor(column), Math.floor(row)]
      const [right, below] = [column - c, row - r]
      const upper = at(c, r) * (1 - right) + at(c + 1, r) * right
      const lower = at(c, r + 1) * (1 - right) + at(c + 1, r + 1) * right
      grey[(top + y) * side + left + x] = 255 - (upper * (1 - below) + lower * below)
    }
  return { grey, side }
}

const rgbaOf = ({ grey, side }: Page): Picture => {
  const rgba = new Uint8Array(4 * grey.length).fill(255)
  for (let i = 0; i < grey.length; i++)
    rgba[4 * i] = rgba[4 * i + 1] = rgba[4 * i + 2] = Math.min(255, Math.max(0, Math.round(grey[i] ?? 0)))
  return { rgba, width: side, height: side }
}

type Change = (page: Page, random: MersenneTwister) => void

const each = ({ grey, side }: Page, value: (x: number, y: number, before: number) => number) => {
  for (let y = 0, i = 0; y < side; y++) for (let x = 0; x < side; x++, i++) grey[i] = value(x, y, grey[i] ?? 0)
}

const rectangle =
  (left: number, top: number, width: number, height: number, shade: number): Change =>
  ({ grey, side }) => {
    const to = Math.min(side, left + width)
    for (let y = top; y < Math.min(side, top + height); y++) grey.fill(shade, y * side + left, y * side + to)
  }

const frame =
  (inset: number, thick: number, shade: number): Change =>
  (page) =>
    each(page, (x, y, before) => {
      const border = Math.min(x, y, page.side - 1 - x, page.side - 1 - y)
      return border >= inset && border < inset + thick ? shade : before
    })

/** Sensor noise of a standard deviation, on paper of 215. */
const noise =
  (sigma: number): Change =>
  (page, random) => {
    const uniform = () => random.next() / 2 ** 32
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
    each(page, (_x, _y, before) => (before * 215) / 255 + sigma * normal())
  }

/** What 8 x 8 blocks of a JPEG of this quality keep of the luma. Source: ITU-T T.81, annex K.1. */
const jpeg =
  (quality: number): Change =>
  (page) => {
    const base = [
      16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
      51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120,
      101, 72, 92, 95, 98, 112, 100, 103, 99,
    ]
    const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality
    const steps = base.map((step) => Math.min(255, Math.max(1, Math.floor((step * scale + 50) / 100))))
    const cosine = (x: number, u: number) =>
      Math.cos(((2 * x + 1) * u * Math.PI) / 16) * (u === 0 ? Math.SQRT1_2 : 1) * 0.5
    const basis = Float64Array.from({ length: 64 }, (_, i) => cosine(i % 8, Math.floor(i / 8)))
    const { grey, side } = page
    const [pixels, block, half] = [new Float64Array(64), new Float64Array(64), new Float64Array(64)]
    for (let top = 0; top + 8 <= side; top += 8)
      for (let left = 0; left + 8 <= side; left += 8) {
        for (let y = 0; y < 8; y++)
          for (let x = 0; x < 8; x++) {
            const value = Math.round(grey[(top + y) * side + left + x] ?? 0)
            pixels[8 * y + x] = Math.min(255, Math.max(0, value)) - 128
          }
        for (let u = 0; u < 8; u++)
          for (let y = 0; y < 8; y++) {
            let sum = 0
            for (let x = 0; x < 8; x++) sum += (pixels[8 * y + x] ?? 0) * (basis[8 * u + x] ?? 0)
            half[8 * y + u] = sum
          }
        for (let v = 0; v < 8; v++)
          for (let u = 0; u < 8; u++) {
            let sum = 0
            for (let y = 0; y < 8; y++) sum += (half[8 * y + u] ?? 0) * (basis[8 * v + y] ?? 0)
            const step = steps[8 * v + u] ?? 1
            block[8 * v + u] = Math.round(sum / step) * step
          }
        for (let v = 0; v < 8; v++)
          for (let x = 0; x < 8; x++) {
            let sum = 0
            for (let u = 0; u < 8; u++) sum += (block[8 * v + u] ?? 0) * (basis[8 * u + x] ?? 0)
            half[8 * v + x] = sum
          }
        for (let y = 0; y < 8; y++)
          for (let x = 0; x < 8; x++) {
            let sum = 0
            for (let v = 0; v < 8; v++) sum += (half[8 * v + x] ?? 0) * (basis[8 * v + y] ?? 0)
            grey[(top + y) * side + left + x] = sum + 128
          }
      }
  }

/** Lines of a width every so many pixels, over everything. */
const ruled =
  (every: number, thick: number, shade: number): Change =>
  (page) =>
    each(page, (_x, y, before) => (y > 0 && y % every < thick ? shade : before))

/** "p. 12", as small as captions are. */
const caption: Change = (page) => {
  const glyphs = [
    '.........................##...###.....',
    '.......................####..##.##....',
    '...####..................##....##.....',
    '...##.##.................##...##......',
    '...##.##.................##..##.##....',
    '...####...##...........###########....',
    '...##.................................',
    '...###................................',
  ]
  glyphs.forEach((line, y) =>
    [...line].forEach((mark, x) => {
      if (mark === '#') page.grey[(page.side - 18 + y) * page.side + 8 + x] = 0
    }),
  )
}

const all =
  (...changes: Change[]): Change =>
  (page, random) =>
    changes.forEach((change) => change(page, random))

/** The page in the middle of something larger. */
const within = (page: Page, margin: number, around: number): Page => {
  const side = page.side + 2 * margin
  const grey = new Float32Array(side * side).fill(around)
  for (let y = 0; y < page.side; y++)
    grey.set(page.grey.subarray(y * page.side, (y + 1) * page.side), (y + margin) * side + margin)
  return { grey, side }
}

const onPage = (change: Change) => (page: Page, random: MersenneTwister) => {
  change(page, random)
  return rgbaOf(page)
}

const transparent = (picture: Picture, where: (x: number, y: number) => boolean): Picture => {
  for (let i = 0; i < picture.width * picture.height; i++)
    if (where(i % picture.width, Math.floor(i / picture.width))) picture.rgba[4 * i + 3] = 0
  return picture
}

/** Beyond the arc of a rounded corner of radius 30. */
const beyondCorner = (side: number) => (x: number, y: number) => {
  const [dx, dy] = [Math.max(0, 30 - Math.min(x, side - 1 - x)), Math.max(0, 30 - Math.min(y, side - 1 - y))]
  return dx * dx + dy * dy > 900
}

/** What becomes of a clean page, by name. */
export const kinds: Record<string, (page: Page, random: MersenneTwister) => Picture> = {
  plain: onPage(() => undefined),
  speck1px: onPage(rectangle(10, 390, 1, 1, 0)),
  speck1px_faint: onPage(rectangle(10, 390, 1, 1, 200)),
  speck3px: onPage(rectangle(12, 380, 3, 3, 60)),
  ...Object.fromEntries([2, 4, 6, 8, 10, 20].map((sigma) => [`noise${sigma}`, onPage(noise(sigma))])),
  noise6jpeg85: onPage(all(noise(6), jpeg(85))),
  noise10jpeg85: onPage(all(noise(10), jpeg(85))),
  jpegq20: onPage(jpeg(20)),
  grad20: onPage((page) => each(page, (x, _y, before) => before * (1 - (0.2 * x) / (page.side - 1)))),
  vignette25: onPage((page) =>
    each(page, (x, y, before) => {
      const [dx, dy] = [(2 * x) / (page.side - 1) - 1, (2 * y) / (page.side - 1) - 1]
      return before * (1 - 0.125 * (dx * dx + dy * dy))
    }),
  ),
  shadow_left: onPage((page) => each(page, (x, _y, before) => before * (1 - 0.3 / (1 + Math.exp((x - 112) / 6))))),
  scan_edge: onPage(rectangle(0, 0, 3, 400, 40)),
  caption: onPage(caption),
  toolbar_top: onPage(all(rectangle(0, 0, 400, 30, 225), rectangle(0, 29, 400, 1, 170))),
  line_top1px: onPage(rectangle(0, 0, 400, 1, 0)),
  frame1px: onPage(frame(0, 1, 0)),
  frame1px_grey: onPage(frame(0, 1, 200)),
  drawn_box: onPage(frame(30, 2, 0)),
  lined_faint: onPage(ruled(40, 1, 200)),
  lined_dark: onPage(ruled(40, 2, 150)),
  squared_blue: (page) => {
    const picture = rgbaOf(page)
    for (let i = 0; i < page.grey.length; i++)
      if ((i % page.side) % 20 === 0 || Math.floor(i / page.side) % 20 === 0) picture.rgba.set([190, 210, 255], 4 * i)
    return picture
  },
  pencil_grey: onPage((page) => each(page, (_x, _y, before) => 235 - (90 * (255 - before)) / 255)),
  sheet_on_table: (page) => rgbaOf(within(page, 60, 60)),
  page_on_transparent_margin: (page) =>
    transparent(rgbaOf(within(page, 40, 0)), (x, y) => Math.min(x, y) < 40 || Math.max(x, y) >= page.side + 40),
  rounded_corners: (page) => transparent(rgbaOf(page), beyondCorner(page.side)),
}
