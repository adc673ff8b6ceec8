// Digits as a program draws them, with a round pen.
import { PNG } from 'pngjs'

/** A digit drawn with a round pen: strokes of points in a box of 1 x 1. */
export const shapes: Record<string, [number, number][][]> = {
  '0': [
    Array.from({ length: 25 }, (_, i): [number, number] => [
      0.5 + 0.32 * Math.sin(i / 3.82),
      0.5 - 0.5 * Math.cos(i / 3.82),
    ]),
  ],
  '1': [
    [
      [0.5, 0],
      [0.5, 1],
    ],
  ],
  '2': [
    [
      [0.15, 0.25],
      [0.25, 0.05],
      [0.5, 0],
      [0.75, 0.08],
      [0.82, 0.28],
      [0.7, 0.5],
      [0.1, 1],
      [0.9, 1],
    ],
  ],
  '3': [
    [
      [0.15, 0.1],
      [0.5, 0],
      [0.8, 0.15],
      [0.75, 0.38],
      [0.42, 0.47],
      [0.8, 0.58],
      [0.88, 0.8],
      [0.55, 1],
      [0.12, 0.9],
    ],
  ],
  '4': [
    [
      [0.25, 0],
      [0.1, 0.55],
      [0.85, 0.55],
    ],
    [
      [0.7, 0.2],
      [0.66, 1],
    ],
  ],
  '5': [
    [
      [0.85, 0],
      [0.25, 0],
      [0.2, 0.42],
      [0.6, 0.4],
      [0.85, 0.62],
      [0.75, 0.9],
      [0.4, 1],
      [0.1, 0.92],
    ],
  ],
  '7': [
    [
      [0.1, 0],
      [0.85, 0],
      [0.4, 1],
    ],
  ],
}

/** @returns the bytes of a PNG */
export const draw = (digit: string, size: number, { dark = true, transparent = false } = {}): Buffer => {
  const [width, height] = [Math.round(size * 1.4), Math.round(size * 1.6)]
  const png = new PNG({ width, height })
  const [left, top, radius] = [0.15 * size, 0.35 * size, Math.max(0.7, 0.055 * size)]
  const segments = (shapes[digit] ?? []).flatMap((points) =>
    points.slice(1).map((to, i) => [points[i] ?? to, to] as const),
  )
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let squared = Infinity
      for (const [[ax, ay], [bx, by]] of segments) {
        const [px, py] = [x + 0.5 - left - ax * size, y + 0.5 - top - ay * size]
        const [dx, dy] = [(bx - ax) * size, (by - ay) * size]
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / (dx * dx + dy * dy)))
        squared = Math.min(squared, (px - along * dx) ** 2 + (py - along * dy) ** 2)
      }
      const ink = Math.min(1, Math.max(0, radius + 0.5 - Math.sqrt(squared)))
      const shade = transparent ? 20 : dark ? 245 - 225 * ink : 15 + 235 * ink
      const at = 4 * (y * width + x)
      png.data.fill(shade, at, at + 3)
      png.data[at + 3] = transparent ? 255 * ink : 255
    }
  return PNG.sync.write(png)
}
