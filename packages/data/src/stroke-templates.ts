/** A stroke as a chain of cubic Bezier curves: a point, then two control points and the next point for each curve. */
export type Stroke = readonly (readonly [x: number, y: number])[]

/**
 * Reads strokes from path data of M, L and C with absolute coordinates, the notation of SVG. A line becomes a curve whose
 * control points lie on it.
 */
const strokesOf = (path: string): Stroke[] =>
  path
    .split('M')
    .slice(1)
    .map((part) => {
      const points: [number, number][] = []
      for (const [, command = 'M', numbers = ''] of part.matchAll(/([LC]?)([^LC]+)/g)) {
        const values = numbers.trim().split(/\s+/).map(Number)
        const pairs = Array.from({ length: values.length / 2 }, (_, i): [number, number] => [
          values[2 * i] ?? 0,
          values[2 * i + 1] ?? 0,
        ])
        if (command !== 'L') points.push(...pairs)
        else
          for (const to of pairs) {
            const from = points.at(-1) ?? to
            const at = (t: number): [number, number] => [
              from[0] + (to[0] - from[0]) * t,
              from[1] + (to[1] - from[1]) * t,
            ]
            points.push(at(1 / 3), at(2 / 3), to)
          }
      }
      return points
    })

/** Ways to write each digit, in a box of 20 x 20 with y downwards. */
const paths: readonly (readonly string[])[] = [
  [
    'M10 1C4 1 3 6 3 10C3 15 5 19 10 19C15 19 17 15 17 10C17 5 15 1 10 1',
    'M12 1C6 1 4 7 4 12C4 17 7 19 10 19C14 19 16 14 16 9C16 4 14 1 9 3',
  ],
  ['M10 1L10 19', 'M6 5L11 1L11 19', 'M6 5L10 1L10 19M5 19L15 19', 'M10 1L10 10L9 19'],
  ['M4 5C5 0 15 0 15 6C15 10 8 14 4 19L16 19', 'M4 4C7 0 15 1 14 7C13 12 7 17 5 18C3 19 3 14 7 16C11 18 14 20 17 17'],
  [
    'M4 3C8 0 15 1 14 5C13 8 10 9 8 9C12 9 16 11 15 15C14 20 6 20 3 17',
    'M4 2L15 2L9 8C14 8 16 12 15 15C14 20 6 20 3 17',
    'M3 4C6 0 14 0 13 5C12 9 8 9 7 9C13 9 17 14 13 17C10 19 6 19 3 18',
  ],
  [
    'M5 1L4 11L16 11M13 3L13 19',
    'M12 1L3 13L17 13M12 1L12 19',
    'M4 2C3 6 3 11 6 11C10 11 13 10 14 9M15 2C14 8 14 13 13 19',
  ],
  [
    'M15 2L6 2L5 9C9 6 15 8 15 13C15 19 7 20 4 17',
    'M6 2C6 5 5 7 5 9C9 7 15 8 15 13C15 19 7 20 4 17M6 2L16 1',
    'M16 2C12 1 8 2 7 3C6 5 5 8 7 8C12 8 15 10 14 14C13 19 7 20 3 18',
  ],
  [
    'M13 1C7 3 4 9 4 14C4 18 7 19 10 19C14 19 16 16 15 13C14 9 7 10 5 15',
    'M9 1C5 6 4 12 5 16C7 20 14 20 15 15C15 11 9 10 6 15',
  ],
  ['M3 2L16 2L8 19', 'M3 3C7 2 12 2 16 2C13 7 10 12 9 19M6 11L14 10', 'M4 5L4 2L16 2C14 7 11 12 11 19'],
  [
    'M14 4C13 0 5 0 6 5C7 9 15 11 15 15C15 20 5 20 5 15C5 11 14 9 14 4',
    'M10 9C5 8 5 1 10 1C15 1 15 8 10 9C3 10 3 19 10 19C17 19 16 10 10 9',
  ],
  [
    'M15 6C14 0 5 0 5 6C5 12 13 11 15 6C15 11 14 15 13 19',
    'M15 5C12 0 4 1 5 7C6 12 13 10 15 5C16 12 14 19 5 19',
    'M14 3C8 0 4 5 6 8C9 11 14 6 14 3L14 19',
  ],
]

/** By digit, then by way of writing it. */
export const templates: readonly (readonly (readonly Stroke[])[])[] = paths.map((ways) => ways.map(strokesOf))
